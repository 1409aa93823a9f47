"""Names that anyone who can name an account or a resource could put on a bill."""

FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
HOSTILE_NAMES = {
    "long": "n" * 3000,
    "long without end": "x-" * 20_000,
    "emoji": FAMILY * 600,
    "right to left": "שלום" * 200,
    "turned": "safe\u202egpj.exe\u2066\u200f",
    "mention of all": "<!channel> <!here> @channel @here",
    "mention of one": "<@U1> <#C1|general> <!subteam^S1>",
    "link": "<https://evil.example|your bill> https://evil.example",
    "entities": "&" * 1500 + "<>" * 700,
    "entity": "&lt;!channel&gt; &amp;",
    "markup": "*bold* _it_ ~no~ `code` ```block``` > quote :fire:",
    "lines": "a\nb\r\nc\u2028d\u2029e\tf\n   aws s3 rb s3://all --force",
    "widthless": "a\u200bb\u2060c\ufeffd\u00ade\U000e0041f",
    "control": "\x00\x07\x08\x1b[31m\x7f\x9b",
    "half a character": "\ud83d broken \udc00",
    "accents": "e" + "\u0301" * 4000,
    "quotes": "\"'\\" * 2000,
    "empty": "",
    "blank": " \n ",
    "shell": "x; rm -rf ~ $(id) `id` | sh && aws s3 rb s3://all --force",
}
