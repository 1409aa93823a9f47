"""The anomaly scorer: which days are anomalous, which are expected, and that later days have no influence.

The series here are generated differently from those of benchmarks/anomaly.py and from those on which the scorer's
constants were chosen.
"""

import tracemalloc

import numpy as np
import pytest

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.anomaly import score_daily_costs, with_onsets

THRESHOLD = Catalog.load().detections["cost_anomaly"].header.scoring.threshold
MONDAY, THURSDAY = 0, 3
SERIES = 60


def series(*, days=400, noise=0.1, growth=0.3, weekend=0.7, level=100.0, count=SERIES, seed=0):
    """Return costs (series x days) that start on a Monday, with yearly growth, cheaper weekends and gamma noise."""
    rng = np.random.default_rng(seed)
    day = np.arange(days)
    mean = level * np.exp(np.log1p(growth) * day / 365) * np.where(day % 7 >= 5, weekend, 1.0)
    return mean * rng.gamma(noise**-2, noise**2, (count, days))


CLEAN_RATE = 0.001  # highest share of days without an anomaly that are flagged at the default threshold


def score(costs, first_weekday):
    return score_daily_costs(costs, first_weekday).scores


def is_anomalous(costs, first_weekday=MONDAY):
    return score(costs, first_weekday) > THRESHOLD


def raised(costs, days, factor):
    costs = costs.copy()
    costs[:, days] *= factor
    return costs


def ramp(start, days, rate=0.03):
    return slice(start, start + days), (1 + rate) ** np.arange(1, days + 1)


# Inputs and results


def test_scores_have_the_shape_of_the_costs_and_are_never_negative_nor_nan():
    """Any table of finite numbers and gaps gets a finite score of at least 0 in every cell."""
    rng = np.random.default_rng(1)
    wild = 10.0 ** rng.uniform(-300, 300, (40, 120)) * rng.choice([-1, 0, 1], (40, 120))
    wild[rng.random(wild.shape) < 0.2] = np.nan
    scores = score(wild, MONDAY)
    assert scores.shape == wild.shape and scores.dtype == np.float64
    assert np.isfinite(scores).all() and (scores >= 0).all()


@pytest.mark.parametrize("shape", [(0, 90), (5, 0), (5, 27), (5, 28)])
def test_tables_too_small_to_judge_score_zero(shape):
    """Without a series, or without a day after the first four weeks, all scores are 0 and no cost is expected."""
    scored = score_daily_costs(np.ones(shape), MONDAY)
    assert scored.scores.shape == scored.expected.shape == shape
    assert not scored.scores.any() and np.isnan(scored.expected).all()


def test_first_weekday_changes_the_scores():
    """The first weekday determines which days are weekends."""
    costs = raised(series(days=60), slice(40, 60), 1.4)
    assert np.array_equal(score(costs, 3), score(costs, first_weekday=3))
    assert not np.array_equal(score(costs, 3), score(costs, 0))


@pytest.mark.parametrize(
    ("costs", "first_weekday", "expected_message"),
    [
        (np.ones(90), 0, "two dimensions"),
        (np.ones((2, 3, 90)), 0, "two dimensions"),
        (np.ones((2, 90)), 7, "first_weekday"),
        (np.ones((2, 90)), -1, "first_weekday"),
        (np.full((2, 90), np.inf), 0, "infinity"),
    ],
)
def test_invalid_input_raises_one_sentence(costs, first_weekday, expected_message):
    """The sentence names the invalid input."""
    with pytest.raises(ValueError, match=expected_message) as refusal:
        score(costs, first_weekday)
    assert str(refusal.value).endswith(".") and "\n" not in str(refusal.value)


def test_scoring_does_not_change_its_input():
    """The caller's table is still needed after scoring."""
    costs = series(days=60)
    before = costs.copy()
    score(costs, MONDAY)
    assert np.array_equal(costs, before)


# Independence from later days, other series and the currency unit


def mixed_table():
    """Return series of each kind: ramps, gaps, sporadic charges, late starts, credits, constants, pauses."""
    costs = raised(*((series(days=200, seed=2),) + ramp(120, 20)))
    rng = np.random.default_rng(3)
    costs[10:20][rng.random((10, 200)) < 0.2] = np.nan
    costs[20:30] *= rng.random((10, 200)) < 0.3
    costs[30:35, :70], costs[35:40, :90] = np.nan, 0
    costs[40:42] *= -1
    costs[42:44] = 5
    costs[44:50, 100:140] = 0
    return costs


@pytest.mark.parametrize("days", [29, 35, 90, 101, 130, 199])
def test_a_day_is_scored_without_the_days_after_it(days):
    """Without the later days, scores and expected costs are identical to the last bit."""
    whole, cut = (score_daily_costs(costs, THURSDAY) for costs in (mixed_table(), mixed_table()[:, :days]))
    assert np.array_equal(whole.scores[:, :days], cut.scores)
    assert np.array_equal(whole.expected[:, :days], cut.expected, equal_nan=True)


def test_different_later_days_do_not_change_earlier_scores():
    """A published score of a day stays the same, whatever the later days cost."""
    costs = mixed_table()
    other = costs.copy()
    other[:, 120:] = np.random.default_rng(4).lognormal(5, 3, other[:, 120:].shape)
    assert np.array_equal(score(costs, MONDAY)[:, :120], score(other, MONDAY)[:, :120])


def test_score_of_a_series_does_not_depend_on_the_other_series():
    """Alone, in another order or among others: the same score to the last bit."""
    costs = mixed_table()
    together = score(costs, MONDAY)
    order = np.random.default_rng(5).permutation(len(costs))
    assert np.array_equal(score(costs[order], MONDAY), together[order])
    for row in (0, 12, 22, 31, 36, 41, 43, 45):
        assert np.array_equal(score(costs[row : row + 1], MONDAY)[0], together[row])


@pytest.mark.parametrize("factor", [1000.0, 0.01, 7.3e6])
def test_scores_do_not_depend_on_the_currency_unit(factor):
    """In cents or in millions, the scores are the same and the expected costs scale."""
    plain, scaled = (score_daily_costs(costs, MONDAY) for costs in (mixed_table(), mixed_table() * factor))
    np.testing.assert_allclose(scaled.scores, plain.scores, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(scaled.expected, plain.expected * factor, rtol=1e-6, atol=1e-6 * factor)


# Anomalous days


@pytest.mark.parametrize("noise", [0.05, 0.10])
def test_spike_is_anomalous_only_on_its_day(noise):
    """A day at twice its cost is anomalous at once, and does not affect later days."""
    anomalous = is_anomalous(raised(series(noise=noise), 250, 2.0))
    assert anomalous[:, 250].all()
    assert anomalous[:, 251:280].mean() < 0.002


def test_weekend_increase_is_anomalous_even_if_small():
    """Weekends up by 35 % at 10 % noise: most weekend days are anomalous from the second weekend on, no workday is."""
    costs, day = series(), np.arange(400)
    weekends = (day >= 201) & (day < 243) & (day % 7 >= 5)
    anomalous = is_anomalous(raised(costs, weekends, 1.35))
    assert anomalous[:, weekends][:, 2:].mean() > 0.7
    assert anomalous[:, (day >= 201) & (day < 250) & ~weekends].mean() < 0.01
    first = (day >= 201) & (day < 208) & weekends
    alone = is_anomalous(raised(costs, first, 1.35))[:, first].mean()
    assert anomalous[:, weekends][:, 2:].mean() > alone + 0.2


@pytest.mark.parametrize("weekday", range(7))
def test_increase_of_one_weekday_is_anomalous_even_if_small(weekday):
    """A weekday up by 35 % at 10 % noise: its third and fourth occurrence are anomalous, other days are not."""
    costs, day = series(), np.arange(400)
    raised_days = (day >= 201) & (day < 229) & (day % 7 == weekday)
    anomalous = is_anomalous(raised(costs, raised_days, 1.35))
    assert anomalous[:, raised_days][:, 2:].mean() > 0.55
    alone = np.stack(
        [is_anomalous(raised(costs, one, 1.35))[:, one] for one in np.flatnonzero(raised_days)[2:]]
    )
    assert anomalous[:, raised_days][:, 2:].mean() > alone.mean() + 0.1
    assert anomalous[:, (day >= 201) & (day < 236) & ~raised_days].mean() < 0.01


@pytest.mark.parametrize("noise", [0.10, 0.15])
def test_normal_day_after_anomalous_days_is_not_flagged(noise):
    """The day after a ten-day ramp to +60 % is rarely flagged."""
    costs, day = series(noise=noise, count=200), np.arange(400)
    climb = 1 + 0.6 * np.clip(day - 249, 0, 10) / 10 * (day < 260)
    anomalous = is_anomalous(costs * climb)
    assert anomalous[:, 257:260].mean() > 0.6
    assert anomalous[:, 260].mean() < 0.05
    assert anomalous[:, 261:267].mean() < 0.01


@pytest.mark.parametrize(("noise", "by_day"), [(0.05, 8), (0.10, 14)])
def test_ramp_of_three_percent_per_day_is_anomalous(noise, by_day):
    """It is anomalous within two weeks and until its last day: the baseline does not follow it."""
    costs = series(noise=noise)
    scored = score_daily_costs(raised(costs, *ramp(250, 40)), MONDAY)
    anomalous = scored.scores[:, 250:290] > THRESHOLD
    assert anomalous[:, :by_day].any(axis=1).mean() > 0.9
    assert anomalous[:, by_day:].mean() > 0.95
    untouched = score_daily_costs(costs, MONDAY)
    assert np.median(scored.expected[:, 289] / untouched.expected[:, 289]) < 1.06


def test_larger_increase_scores_higher():
    """A day at twice its cost scores higher than the same day at 1.5 times its cost."""
    costs = series()
    small, large = (score(raised(costs, 300, factor), MONDAY)[:, 300] for factor in (1.5, 2.0))
    assert (large > small).all()


def test_decrease_is_never_anomalous():
    """Neither half the cost, nor no cost, nor a slow decline: only increases have scores."""
    costs = series()
    for falling in (
        raised(costs, slice(200, 400), 0.5),
        raised(costs, 300, 0.0),
        raised(costs, *ramp(200, 200, -0.02)),
    ):
        assert is_anomalous(falling)[:, 200:].mean() < CLEAN_RATE


def test_short_series_are_evaluated_from_the_fifth_week():
    """Of 90 days, a spike on day 33 and a ramp from day 60 are anomalous."""
    costs = series(days=90)
    assert is_anomalous(raised(costs, 33, 2.0))[:, 33].mean() > 0.95
    assert is_anomalous(raised(costs, *ramp(60, 25)))[:, 75:85].mean() > 0.9


def test_an_outlier_in_the_first_weeks_does_not_hide_the_next():
    """A tenfold cost on day 10 does not hide a doubled cost on day 40."""
    anomalous = is_anomalous(raised(raised(series(days=60), 10, 10.0), 40, 2.0))
    assert anomalous[:, 40].mean() > 0.95


# Expected days


@pytest.mark.parametrize("noise", [0.05, 0.10, 0.15])
def test_clean_series_raise_less_than_one_alarm_in_a_thousand_days(noise):
    """From the fifth week on, with growth and a weekly rhythm, at the default threshold."""
    assert is_anomalous(series(noise=noise, growth=0.8, weekend=0.5, count=200))[:, 28:].mean() < CLEAN_RATE


@pytest.mark.parametrize("rate", [0.01, -0.01, 0.005])
def test_steady_growth_is_expected(rate):
    """Growth or decline of up to 1 % a day for a year."""
    assert is_anomalous(raised(series(growth=0), *ramp(0, 400, rate)))[:, 28:].mean() < CLEAN_RATE


def test_weekends_without_charges_are_expected():
    """Charges on workdays and cents on weekends: neither Monday nor the cents are anomalous."""
    costs = series(weekend=0.0) + np.random.default_rng(6).random((SERIES, 400)) * 0.5
    assert is_anomalous(costs)[:, 28:].mean() < 0.001


@pytest.mark.parametrize("weekday", [0, 5])
def test_charges_on_only_one_weekday_are_expected(weekday):
    """A weekly job without charges on other days is expected; one that costs eight times as much is anomalous."""
    costs = series(days=180, growth=0, weekend=1, noise=0.15) * (np.arange(180) % 7 == weekday)
    assert is_anomalous(costs)[:, 28:].mean() < CLEAN_RATE
    assert is_anomalous(raised(costs, 133 + weekday, 8.0))[:, 133 + weekday].mean() > 0.9


def test_noise_of_a_weekly_job_is_learned_for_its_weekday():
    """Costs are even except for a Saturday job that varies by a tenth: at most one Saturday in thirty is flagged.

    A Saturday at 1.5 times its cost is anomalous.
    """
    saturdays = np.arange(400) % 7 == 5
    even = series(noise=0.01, growth=0, weekend=1, level=66, count=300)
    costs = even + saturdays * series(noise=0.1, growth=0, weekend=1, level=165, count=300, seed=1)
    anomalous = is_anomalous(costs)
    assert anomalous[:, 120:][:, saturdays[120:]].mean() < 1 / 30
    assert anomalous[:, 28:][:, ~saturdays[28:]].mean() < CLEAN_RATE
    assert is_anomalous(raised(costs, 201, 1.5))[:, 201].mean() > 0.95


@pytest.mark.parametrize("share", [2 / 7, 0.6])
def test_charges_on_random_days_are_expected(share):
    """Charges on two or four random days a week are expected; a charge of thirty times the cost is anomalous."""
    charged = np.random.default_rng(7).random((SERIES, 400)) < share
    costs = series(growth=0, weekend=1) * charged
    assert is_anomalous(costs)[:, 28:].mean() < 0.003
    costs[:, 350] = 3000
    assert is_anomalous(costs)[:, 350].mean() > 0.9


def test_constant_costs_have_a_noise_floor():
    """An increase of a cent is expected, an increase of a tenth is anomalous, and no score is infinite."""
    costs = np.full((1, 200), 100.0)
    costs[0, 100], costs[0, 130], costs[0, 160] = 100.01, 102, 115
    scores = score(costs, MONDAY)[0]
    assert scores[100] < 1 and scores[130] < THRESHOLD < scores[160] < 100
    assert scores[[99, 101, 161]].max() < 1


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_series_without_charges_score_zero(value):
    """Series of zeros, and series without data."""
    assert not score(np.full((3, 200), value), MONDAY).any()


def test_negative_costs_are_evaluated():
    """Steady credits are expected; the day on which they stop is anomalous."""
    costs = -series(growth=0)
    assert is_anomalous(costs)[:, 28:].mean() < 0.001
    costs[:, 300] = 0
    assert is_anomalous(costs)[:, 300].all()


@pytest.mark.parametrize("before", [0.0, np.nan])
def test_series_starts_with_its_first_charge(before):
    """Leading zeros and gaps are no history: the four weeks from the first charge score 0, later days are evaluated."""
    costs = raised(series(), 250, 2.0)
    costs[:, :200] = before
    scores = score(costs, MONDAY)
    assert not scores[:, :228].any()
    assert (scores[:, 250] > THRESHOLD).mean() > 0.95
    assert (scores[:, 228:250] > THRESHOLD).mean() < CLEAN_RATE


def test_days_without_data_score_zero_and_do_not_affect_later_days():
    """Gaps of three days and of two months score 0, the days after them are expected, and a spike is anomalous."""
    costs = raised(series(), 300, 2.0)
    costs[:, 100:103], costs[:, 200:260] = np.nan, np.nan
    scores = score(costs, MONDAY)
    assert not scores[np.isnan(costs)].any()
    assert (scores[:, 260:300] > THRESHOLD).mean() < CLEAN_RATE
    assert (scores[:, 300] > THRESHOLD).mean() > 0.95


# New levels, and the effect of past anomalies on the baseline


@pytest.mark.parametrize("factor", [1.5, 2.0, 6.0])
def test_new_level_is_anomalous_for_weeks_only(factor):
    """It is anomalous from its first days, for two to four weeks."""
    anomalous = is_anomalous(raised(series(), slice(200, 400), factor))
    assert anomalous[:, 200:203].any(axis=1).mean() > 0.95
    assert anomalous[:, 200:214].mean() > 0.7
    assert anomalous[:, 230:].mean() < 0.003


def test_persistent_increase_of_one_weekday_becomes_expected():
    """Within four months. The expected cost of the other weekdays does not change."""
    tuesdays = (np.arange(400) % 7 == 1) & (np.arange(400) >= 200)
    anomalous = is_anomalous(raised(series(), tuesdays, 1.5))
    assert anomalous[:, 330:].mean() < 0.005
    expected = score_daily_costs(raised(series(), tuesdays, 1.5), MONDAY).expected
    clean = score_daily_costs(series(), MONDAY).expected
    ratio = np.median(expected[:, 330:] / clean[:, 330:], axis=0)
    assert ratio[tuesdays[330:]].min() > 1.35
    assert ratio[~tuesdays[330:]].max() < 1.05


def test_ramp_that_levels_off_becomes_expected():
    """About five weeks after the ramp ended."""
    costs = raised(series(), *ramp(200, 30))
    costs[:, 230:] *= 1.03**30
    assert is_anomalous(costs)[:, 265:].mean() < 0.01


def test_persistent_weekend_increase_becomes_expected():
    """Within four months."""
    weekends = (np.arange(400) % 7 >= 5) & (np.arange(400) >= 200)
    assert is_anomalous(raised(series(), weekends, 1.5))[:, 330:].mean() < 0.005


def test_restarted_series_is_anomalous_for_days_only():
    """After seven weeks at 0, the earlier cost is anomalous at first and expected within about a week."""
    costs = series(growth=0)
    costs[:, 200:250] = 0
    anomalous = is_anomalous(costs)
    assert anomalous[:, 200:250].mean() < 0.001
    assert anomalous[:, 250].all()
    assert anomalous[:, 258:].mean() < 0.005


def test_past_anomalies_do_not_distort_the_baseline():
    """After two months of spikes, raised weekends and a ramp, the expected cost equals that of a clean series."""
    costs, day = series(), np.arange(400)
    with_anomalies = raised(
        raised(costs, [201, 205, 206, 215], 2.5), (day >= 220) & (day < 240) & (day % 7 >= 5), 1.6
    )
    with_anomalies = raised(with_anomalies, *ramp(241, 25))
    clean, after = (score_daily_costs(table, MONDAY) for table in (costs, with_anomalies))
    ratio = after.expected[:, 266:300] / clean.expected[:, 266:300]
    assert np.abs(np.log(np.median(ratio, axis=1))).max() < 0.08
    assert (after.scores[:, 266:] > THRESHOLD).mean() < 0.002


def test_expected_cost_is_the_true_mean_without_anomalies():
    """Within 4 % of the true mean at 10 % noise, including weekends and growth."""
    day = np.arange(400)
    truth = 100 * np.exp(np.log(1.3) * day / 365) * np.where(day % 7 >= 5, 0.7, 1.0)
    expected = score_daily_costs(series(), MONDAY).expected[:, 60:]
    assert np.sqrt(np.mean((expected / truth[60:] - 1) ** 2)) < 0.04
    assert np.isnan(score_daily_costs(series(), MONDAY).expected[:, :28]).all()


# Onset: the first days of an anomaly


def flagged_alone_and_with_onset(costs):
    scored = score_daily_costs(costs, MONDAY)
    return scored.scores >= THRESHOLD, with_onsets(scored.scores >= THRESHOLD, scored)


def test_first_days_of_a_ramp_are_anomalous_once_a_later_day_is():
    """With a ramp of 3 % a day at 10 % noise, onset detection finds more of the first days."""
    costs = raised(series(), *ramp(250, 20))
    alone, with_onset = flagged_alone_and_with_onset(costs)
    climb = slice(252, 262)
    assert with_onset[:, climb].mean() > alone[:, climb].mean() + 0.15
    assert with_onset[:, 236:250].mean() < 0.02


@pytest.mark.parametrize("weekday", [1, 6])
def test_first_weeks_of_a_raised_weekday_are_anomalous_once_a_later_week_is(weekday):
    """One weekday costs 35 % more: its first occurrence is found more often, and other weekdays are not flagged."""
    day = np.arange(400)
    raised_days = (day >= 201) & (day < 229) & (day % 7 == weekday)
    alone, with_onset = flagged_alone_and_with_onset(raised(series(count=200), raised_days, 1.35))
    first = np.flatnonzero(raised_days)[0]
    assert with_onset[:, first].mean() > alone[:, first].mean() + 0.1
    assert with_onset[:, (day >= 201) & (day < 229) & ~raised_days].mean() < 0.01


def test_onset_adds_only_days_before_an_anomalous_day():
    """A lower threshold applies to the days before an anomalous day. The last anomalous day stays the same."""
    for costs in (series(count=200), raised(series(count=200), *ramp(250, 20)), mixed_table()):
        alone, with_onset = flagged_alone_and_with_onset(costs)
        assert (with_onset | ~alone).all()
        assert np.array_equal(with_onset.any(axis=1), alone.any(axis=1))
        last = [flags.shape[1] - 1 - flags[:, ::-1].argmax(axis=1) for flags in (alone, with_onset)]
        assert np.array_equal(*last)


def test_the_day_before_a_spike_is_rarely_part_of_its_onset():
    """A one-day spike has no earlier onset: at most 2 in 100 days before it are flagged."""
    for noise in (0.05, 0.10, 0.15):
        _, with_onset = flagged_alone_and_with_onset(raised(series(noise=noise, count=400), 250, 2.0))
        assert with_onset[:, 243:250].mean() < 0.02


@pytest.mark.parametrize("days", [0, 1, 5, 29, 40])
def test_onsets_of_few_days_are_found_without_an_error(days):
    """The table can be shorter than the number of days searched backwards."""
    scored = score_daily_costs(np.full((3, days), 5.0), MONDAY)
    assert not with_onsets(scored.scores >= THRESHOLD, scored).any()


# Comparison with an oracle and with a simple method


def second_year(kind, *, seed, count=50):
    """Return two years of costs with anomalies in the second year, their labels, and the true mean and deviation."""
    rng = np.random.default_rng(seed)
    days, day = 730, np.arange(730)
    noise, growth = rng.uniform(0.05, 0.15, (count, 1)), rng.uniform(-0.2, 1.0, (count, 1))
    week = 1 + rng.uniform(0.1, 0.4, (count, 1)) * np.cos(
        2 * np.pi * (day % 7) / 7 + rng.uniform(0, 6, (count, 1))
    )
    mean = 10 ** rng.uniform(0, 4, (count, 1)) * (1 + growth * day / 365) * week
    factor = np.ones((count, days))
    for row in range(count):
        for start in rng.choice(np.arange(370, 690), 4 if kind == "ramp" else 9, replace=False):
            if kind == "spike":
                factor[row, start : start + rng.integers(1, 3)] *= rng.uniform(1.5, 3)
            elif kind == "ramp":
                span, climb = ramp(start, rng.integers(12, 31))
                factor[row, span] *= climb
            else:
                span = np.arange(start, start + 7 * rng.integers(1, 5))
                factor[row, span[span % 7 >= 5]] *= rng.uniform(1.3, 1.8)
    costs = mean * factor * (1 + noise * rng.standard_normal((count, days)))
    return costs, factor > 1, mean, mean * noise


def f1(scores, labels, budget=0.002):
    """Return the F1 score on the second year; the threshold flags a share `budget` of days 60 to 364."""
    anomalous = scores[:, 365:] > np.quantile(scores[:, 60:365], 1 - budget)
    return 2 * (anomalous & labels[:, 365:]).sum() / (anomalous.sum() + labels[:, 365:].sum())


def weekday_median_scores(costs):
    """Return deviations from the median of the same weekday in eight weeks, divided by the MAD of eight weeks."""
    weeks = costs[:, : costs.shape[1] // 7 * 7].reshape(len(costs), -1, 7)
    expected = np.full_like(weeks, np.nan)
    for week in range(8, weeks.shape[1]):
        expected[:, week] = np.median(weeks[:, week - 8 : week], axis=1)
    off = ((weeks - expected) / expected).reshape(len(costs), -1)
    scores = np.zeros_like(costs)
    for day in range(112, off.shape[1]):
        scores[:, day] = off[:, day] / np.median(np.abs(off[:, day - 56 : day]), axis=1)
    return scores


@pytest.mark.parametrize("kind", ["spike", "weekend", "ramp"])
@pytest.mark.parametrize("seed", [11, 12])
def test_f1_is_near_the_oracle_and_above_the_weekday_median(kind, seed):
    """At the same share of false alarms. The oracle knows the true mean and deviation of each day."""
    costs, labels, mean, deviation = second_year(kind, seed=seed)
    scorer, oracle = f1(score(costs, MONDAY), labels), f1((costs - mean) / deviation, labels)
    assert scorer >= 0.95 * oracle
    assert scorer > f1(weekday_median_scores(costs), labels)


# Memory and warnings


def test_more_series_need_little_more_memory_than_their_scores():
    """Series are processed in blocks. benchmarks/anomaly.py measures the speed."""
    costs = series(days=90, count=20_000)
    peaks = []
    for count in (10_000, 20_000):
        tracemalloc.start()
        score(costs[:count], MONDAY)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    result_bytes = 2 * 10_000 * 90 * 8
    assert peaks[1] - peaks[0] < 2 * result_bytes


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("days", [0, 1, 6, 7, 13, 27, 28, 29, 60])
def test_short_series_cause_no_numpy_warning(days):
    """With gaps, without costs or started yesterday: no mean of an empty array is computed."""
    drawn = np.random.default_rng(days).gamma(4.0, 25.0, (5, days))
    drawn[1], drawn[2, :-1], drawn[3, ::2], drawn[4] = 0.0, np.nan, np.nan, np.nan
    assert score(drawn, MONDAY).shape == drawn.shape
