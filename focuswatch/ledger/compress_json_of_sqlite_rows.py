"""Compress the JSON of a ledger's rows. Earlier versions stored text, which can still be read.

A row has about two kilobytes. Most of it are field names and nulls, which are the same in all rows. The preset
dictionary contains them, so that even a single row compresses well:
https://www.rfc-editor.org/rfc/rfc1950#section-2.2
"""

import zlib

# Never change these bytes, even if fields are added: a row can be read only with the dictionary it was written with.
DICTIONARY = (
    b'"title":"","reason":"Account  was billed for  in us-east-1 on each of the last  days with complete charges, and '
    b' USD/month.","action":"1. Check whether  2. If 3. : aws  describe- --region --resource-arn arn:aws:'
    b'\\n2. \\n3. ","evidence":{"tags":{"team":"","lookback_days":,"first_day":"20,"last_day":"20,"daily_cost":'
    b'{"kind":"new","finding":{"finding":{"schema":"focuswatch.finding/1","detection":"","fingerprint":"","category":"'
    b'governance","category":"anomaly","category":"security","category":"waste","severity":"low","severity":"critical",'
    b'"severity":"high","severity":"medium","status":"open","status":"new","sub_account_id":"","sub_account_name":"",'
    b'"region_id":"us-east-1","resource_id":"arn:aws:","service_name":"Amazon ","team":"","owned_by":"fallback",'
    b'"owned_by":"account tag","owned_by":"resource tag","monthly_cost":.0,"cost_so_far":null,'
    b'"monthly_cost_if_continues":null,"started_on":null,"ended_on":null,"currency":"USD","provider":null,"bills":[],'
    b'"explanation":null,"exclusion_offer":null,"verified_saving":null,"first_seen":"2026-0","last_seen":"2026-0",'
    b'"as_of":"2026-0","incident":"","incident_lead":true,"also_detected":[],"related_findings":0,"rollout":null,'
    b'"counted_in":null},"in_digest":false,"in_incident":false,"on_topic":true,"others":[],"others_count":0}'
    b'"state":"open","told_on":"2026-0","told_cost":"000000","told_severity":"high","told_step":[],"resolved_on":null,'
    b'"saved_daily":null,"saving_verified_on":null,"acknowledged_by":null,"acknowledged_on":null}'
)


def pack(text: str) -> bytes:
    """Return the bytes that a row stores for a JSON text."""
    compressor = zlib.compressobj(zdict=DICTIONARY)
    return compressor.compress(text.encode()) + compressor.flush()


def unpack(stored: str | bytes) -> str | bytes:
    """Return the JSON of a row. Raises ValueError if the row is damaged."""
    if isinstance(stored, str):
        return stored
    decompressor = zlib.decompressobj(zdict=DICTIONARY)
    try:
        return decompressor.decompress(stored) + decompressor.flush()
    except zlib.error as error:
        raise ValueError(str(error)) from error
