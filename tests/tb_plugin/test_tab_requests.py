"""A thousand seeded hostile requests: none gets 5xx, none hangs."""

import random
import time
from urllib.parse import quote

ROUTES = (
    "runs",
    "columns",
    "stages",
    "layers",
    "curves",
    "filters",
    "thumbnails",
    "filter",
    "labels",
)
NAMES = (
    *("run", "stage", "step", "threshold", "label", "filter", "filters", "corner", "format"),
    *("tag", "x", "", "run[]", "é"),
)
GOOD = {
    "run": ("final", "heads", "train"),
    "stage": ("layer2", "layer7", "layer13"),
    "step": ("0", "5", "20", "999999999999999999"),
    "threshold": ("0", "0.3", "0.5", "0.999", "1e-3"),
    "label": ("0", "9"),
    "filter": ("0", "63"),
    "filters": ("0", "1,2,3", ",".join(map(str, range(64)))),
    "corner": ("4", "64", "128"),
    "format": ("csv", "json"),
}
BAD = (
    *("", " ", "nan", "NaN", "inf", "-inf", "-1", "1", "1.0", "1e309", "1e-999", "0x10", "1_000"),
    *("null", "true", "[]", "{}", "None", "99999", "18446744073709551616", "9" * 400, "-0", "+1"),
    *("../../etc/passwd", "..%2f..%2fetc", "/etc/passwd", "C:\\x", "final/../train", "final\0"),
    *("layer2/factors/0", "about", "<script>alert(1)</script>", "' OR 1=1 --", "${7*7}", "%s%n"),
    *("é", "日本", "\u202e", "\ufeff", "٣", "0,", ",", "0,,1", "1," * 500 + "1", "a" * 20_000),
    *("=1+1", "a\r\nSet-Cookie: x=1", ";", "&", "#", "%", "%zz", "%ff%fe", "%00", "%ed%a0%80"),
)


def random_path(rng):
    route = rng.choice(ROUTES)
    if rng.random() < 0.1:
        route = rng.choice(
            ("", ".", "..", "%2e%2e", "static", "index.js", route + "x", route + "/")
        )
        route += rng.choice(
            ("", "/../plugin.py", "%2f..%2fplugin.py", "/" + quote(rng.choice(BAD)))
        )
    parts = []
    for name in NAMES:
        chance = 0.9 if name in ("run", "stage", "filter", "filters") else 0.25
        while rng.random() < chance:
            value = rng.choice(GOOD[name] if name in GOOD and rng.random() < 0.85 else BAD)
            # Some are sent as they are: broken escapes, bytes that are no UTF-8.
            raw = value.isascii() and value.isprintable() and " " not in value
            parts.append(f"{quote(name)}={value if raw and '#' not in value else quote(value)}")
            chance = 0.04
    rng.shuffle(parts)
    return f"/data/plugin/clusters/{route}?" + "&".join(parts)


def test_hostile_requests(tab):
    rng = random.Random(20260)
    codes: dict[int, int] = {}
    slowest = 0.0
    for _ in range(1000):
        path = random_path(rng)
        method = "GET" if rng.random() < 0.95 else rng.choice(("POST", "PUT", "HEAD", "TRACE"))
        start = time.monotonic()
        response = tab.client.open(path, method=method)
        slowest = max(slowest, time.monotonic() - start)
        codes[response.status_code] = codes.get(response.status_code, 0) + 1
        assert response.status_code < 500, path
        # Without a route TensorBoard itself answers.
        if response.status_code >= 400 and not path.startswith("/data/plugin/clusters/?"):
            assert response.mimetype == "application/json", path
            assert "\n" not in response.text
            assert len(response.text) < 1000
    # The mixture reaches every kind of answer.
    assert set(codes) == {200, 400, 404, 405}
    assert codes[200] > 100
    assert slowest < 5
