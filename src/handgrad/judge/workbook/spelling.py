"""How people spell the names of a training table: ``E_tot``, ``E∂w1``, ``dE/dw₁``, ``out_h1`` all become the graph's names."""

from __future__ import annotations

import re
import unicodedata

LEARNING_RATE = "learning_rate"
RATES = frozenset(
    ("eta", "lr", "learningrate", "learningrateeta", "learningratelr", "etalearningrate", "alpha", "rate", "stepsize")
)
WRITTEN_AS_CALLS = frozenset(("sigma", "sig", "sigmoid", "a", "out", "net", "f", "e", "grad", "target", "input"))
SAMPLE = re.compile(r"\s*\[\s*(\d{1,2})\s*\]\s*$")
UNITS = re.compile(r"\s*[\[(][^\[\]()]*[\])]\s*$")
CALLED = re.compile(r"^\s*(\w{1,12})\s*\(\s*([A-Za-z_ ]{0,6}\d{1,2})\s*\)\s*$")
VALUE_IN_TEXT = re.compile(r"^(.{1,40}?)\s*[=:]\s*([-+]?\d{0,15}(?:[.,]\d{1,17})?(?:[eE][-+]?\d{1,3})?\s*%?)\s*$")
SIGNS = {
    "∂": "d",
    "𝜕": "d",
    "δ": "delta",
    "∇": "grad",
    "σ": "sigma",
    "η": "eta",
    "α": "alpha",
    "ŷ": "yhat",
    "′": "next",
}
SIGNS |= {"'": "next", "*": "next", "⁺": "next", "Δ": "step", "∆": "step"}

_ERROR = r"(?:error|err|e|loss|cost|j|c|l)"
_TOTAL = r"(?:total|tot|t|sum)"
_WHOLE = rf"(?:{_ERROR}_?{_TOTAL}|{_TOTAL}_?{_ERROR}|{_ERROR})"
_NET = r"(?:net|z|sum|netinput|s|in|pre|input)"
_OUT = r"(?:a|out|act|activation|sigma|sigmoid|sig|output|f)"
_UNIT = r"(?P<unit>[fgho])(?:idden|utput|ut)?_?(?P<n>\d{1,2})"
_D = r"(?:d|partial)"

RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"(?:t|target|targets|tgt|ytrue|desired)_?(?P<n>\d{1,2})", "t{n}"),
        (r"(?:i|x|in|input|inp)_?(?P<n>\d{1,2})", "i{n}"),
        (r"(?:w|weight|weights)_?(?P<n>\d{1,3})", "w{n}"),
        (r"(?:b|bias)_?(?P<n>\d{1,2})", "b{n}"),
        (r"(?:w|weight)_?(?P<n>\d{1,3})_?(?:next|new|\+)", "w{n}_next"),
        (r"new_?(?:w|weight)_?(?P<n>\d{1,3})", "w{n}_next"),
        (rf"{_UNIT}", "{unit}{n}"),
        (rf"{_NET}_?{_UNIT}", "net_{unit}{n}"),
        (rf"{_OUT}_?{_UNIT}", "a_{unit}{n}"),
        (r"(?:yhat|y|prediction|pred|output|out)_?(?P<n>\d{1,2})", "a_o{n}"),
        (r"hidden_?(?P<n>\d{1,2})", "h{n}"),
        (rf"{_ERROR}_?o?(?P<n>\d{{1,2}})", "E{n}"),
        (rf"{_ERROR}_?(?:out_?o|a_?o)(?P<n>\d{{1,2}})", "E{n}"),
        (_WHOLE, "E_total"),
        (r"mse|sse|e_?all", "E_total"),
        (rf"{_D}?_?{_WHOLE}_?/?_?{_D}_?w_?(?P<n>\d{{1,3}})", "dE/dw{n}"),
        (rf"{_D}?_?{_WHOLE}_?/?_?{_D}_?b_?(?P<n>\d{{1,2}})", "dE/db{n}"),
        (r"(?:grad|gradient|g|d)_?w_?(?P<n>\d{1,3})", "dE/dw{n}"),
        (r"(?:grad|gradient|g|d)_?b_?(?P<n>\d{1,2})", "dE/db{n}"),
        (rf"(?:delta|err_?signal)_?{_UNIT}", "delta_{unit}{n}"),
        (rf"{_D}_?{_WHOLE}/{_D}_?{_NET}_?{_UNIT}", "delta_{unit}{n}"),
        (rf"{_D}_?{_WHOLE}/{_D}_?{_UNIT}", "d!{unit}{n}"),
        (rf"{_D}?_?{_WHOLE}/{_D}_?{_OUT}_?{_UNIT}", "dE/da_{unit}{n}"),
        (rf"{_D}_?{_OUT}_?{_UNIT}/{_D}_?(?:{_NET}_?)?(?P=unit)_?(?P=n)", "da_{unit}{n}/d{unit}{n}"),
    )
)


def spelled(text: str) -> str | None:
    """The name of the graph that a header means (``net_h1`` where it says net input), or None.

    ``h1`` alone may be a net input or an activation: the table decides. ``h1[2]`` keeps its sample. ``d!h1`` is ∂E/∂h1
    where h1 is not yet decided.
    """
    plain, sample = normal(text)
    if plain in RATES:
        return LEARNING_RATE
    for pattern, name in RULES:
        match = pattern.fullmatch(plain)
        if match is not None:
            groups = {key: value for key, value in match.groupdict().items() if value is not None}
            if "n" in groups:
                groups["n"] = str(int(groups["n"]))
                if groups["n"] == "0":
                    return None
            return _in_sample(name.format(**groups), sample)
    if plain == "e" and sample:
        return f"E[{sample}]"
    return None


def _in_sample(name: str, sample: str) -> str:
    if not sample:
        return name
    if name == "E_total":
        return f"E[{sample}]"
    if name.startswith("da_"):
        top, bottom = name.split("/")
        return f"{top}[{sample}]/{bottom}[{sample}]"
    return f"{name}[{sample}]"


def normal(text: str) -> tuple[str, str]:
    """The text without case, spaces, marks of subscripts and units; and its sample number, if any."""
    if len(text) > 60:
        return "", ""
    for sign, word in SIGNS.items():
        text = text.replace(sign, word)
    text = unicodedata.normalize("NFKC", text)
    for sign, word in SIGNS.items():
        text = text.replace(sign, word)
    text = "".join(sign for sign in text if not unicodedata.category(sign).startswith("C"))
    sample = ""
    # ∂a_h1[2]/∂h1[2]: the sample stands behind both
    if (match := SAMPLE.search(text)) is not None:
        sample = str(int(match[1]))
        text = text.replace(match[0].strip(), "")
    if (match := CALLED.match(text)) is not None and match[1].casefold() in WRITTEN_AS_CALLS:
        text = f"{match[1]}_{match[2]}"
    while (match := UNITS.search(text)) is not None and match.start() > 0:
        text = text[: match.start()]
    text = text.casefold().replace("\\", "").replace("frac", "").replace("partial", "d")
    text = re.sub(r"[{}$\s.:,|=-]+", "", text)
    text = re.sub(r"_+", "_", text).strip("_")
    if re.search(r"[a-z]\d+_\d+$", text):
        return "", ""
    joined = text.replace("_", "")
    return (joined if joined in RATES else text), sample


def number_in(text: str) -> float | None:
    """``0,05``, ``5e-1`` or ``50 %`` as a number, or None."""
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip().replace(" ", "")
    if not re.fullmatch(r"[-+]?\d{0,15}(?:[.,]\d{1,17})?(?:[eE][-+]?\d{1,3})?%?", plain) or not re.search(r"\d", plain):
        return None
    share = 100.0 if plain.endswith("%") else 1.0
    try:
        return float(plain.rstrip("%").replace(",", ".")) / share
    except ValueError:
        return None


def labelled_number(text: str) -> tuple[str, float] | None:
    """``η = 0.5`` as name and number, or None."""
    if len(text) > 80 or (match := VALUE_IN_TEXT.match(text)) is None:
        return None
    name, value = spelled(match[1]), number_in(match[2])
    return None if name is None or value is None else (name, value)
