"""How people spell the names of a training table: ``E_tot``, ``E∂w1``, ``dE/dw₁``, ``out_h1`` all become the graph's names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

LEARNING_RATE = "learning_rate"
RATES = frozenset(
    ("eta", "lr", "learningrate", "learningrateeta", "learningratelr", "etalearningrate", "alpha", "rate", "stepsize")
)
SETTINGS = {
    "momentum": "momentum",
    "mu": "momentum",
    "beta1": "beta1",
    "beta2": "beta2",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "epsilon": "epsilon",
}
"""Labels of what an optimizer is set to."""
SINGLE = {
    "t1": ("t", "target", "desired", "expected", "ytrue", "label"),
    "net_o1": ("net", "z", "sum", "netinput", "weightedsum", "neto"),
    "a_o1": ("out", "output", "a", "activation", "yhat", "prediction", "pred", "predicted", "actual", "ypred"),
    "y!o1": ("y",),
    "b1": ("b", "bias"),
    "err!o1": ("delta", "errorterm", "localgradient", "error", "err"),
    "dE/db1": ("de/db", "dedb", "gradb", "db"),
    "step!b1": ("stepb", "deltab"),
    "b1_next": ("bnew", "newb", "b_new", "new_b", "newbias", "b+"),
}
"""Heads without a number: where a network has one output, they are its own."""
ALONE = {word: f"1!{name}" for name, words in SINGLE.items() for word in words}
LONE = re.compile(r"(.*?)_?(?:output|out|o)_?(net|in|sum|out|act|activation|delta|error)?")
"""A name of the only output that has no number: net_o, o out, delta output."""
SAMPLE = re.compile(r"\s*\[\s*(\d{1,2})\s*\]\s*$")
UNITS = re.compile(r"\s*[\[(][^\[\]()]*[\])]\s*$")
CALLED = re.compile(r"^\s*([^\W\d][^\d()\[\]/]{0,24}?)\s*\(\s*([A-Za-zΣσ_ ]{1,12}[\d₀-₉]{1,2})\s*\)\s*$")
"""σ(h1), gradient (w1), net(h1): what is called and of what."""
INSIDE = re.compile(r"(?<=[∂dδΔ])\s*([A-Za-zσΣ]{1,12})\s*\(\s*([fghoFGHO][ _]?[\d₀-₉]{1,2})\s*\)")
"""∂σ(h1)/∂h1: a call inside a derivative."""
ADDED = re.compile(r"^\s*([A-Za-z]{1,6}[ _]?[\d₀-₉]{1,2})\s*\(\s*([A-Za-z -]{1,20})\s*\)\s*$")
"""h1 (net), o2 (output): a unit, and what of it."""
COUNTED = re.compile(
    r"^(\s*(?:[wWbBtTiIxX]|[A-Za-z ]{4,14}?)\s*)[(\[]\s*(\d{1,2})\s*[)\]]\s*$"
    r"|((?<=[d∂])\s*[wWbB])\s*[(\[]\s*(\d{1,2})\s*[)\]]\s*$"
)
"""w(1), t[2], input (1), ∂E/∂w[3]: the number of a name in brackets."""
NAMED_TWICE = re.compile(r"weights?|inputs?|targets?|bias|biases|hidden|neuron|unit|node")
"""Words before a name in brackets that only say what kind it is."""
LONGEST = 60
"""More characters than that are a sentence, no head."""
VALUE_IN_TEXT = re.compile(r"^(.{1,40}?)\s*[=:]\s*([-+]?\d{0,15}(?:[.,]\d{1,25})?(?:[eE][-+]?\d{1,3})?\s*%?)\s*$")
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
SIGNS |= {"'": "next", "*": "next", "⁺": "next", "Δ": "step", "∆": "step", "Σ": "sum", "∑": "sum", "ω": "w"}
SIGNS |= dict.fromkeys("⁄∕÷", "/")

# net_01 and δ_02: the zero was typed for the letter o.
ZERO_FOR_O = re.compile(
    r"^((?:d_?(?:e|etot|etotal|e_total|e_tot|e_?\d)/)?(?:d_?)?(?:a|out|act|net|z|delta|error)_?)0(\d)$"
)
PARTIAL = re.compile(r"d_?([a-z_]{0,12}\d{0,2}|e_?total|e)(?:/|_(?=d))d_?([a-z_]{1,12}\d{1,3})")
CHANGES = re.compile(r"[δΔ∆𝛿𝛥𝝏]\s*[(]?\s*[^/δΔ∆]{1,24}/\s*[δΔ∆𝛿𝛥𝝏]")
NEXT = re.compile(r"\(\s*(?:[tnk]\s*\+\s*1|new|next|updated|after)\s*\)", re.IGNORECASE)
OF = re.compile(r"([dD∂])\s*\(\s*([^()/]{1,20}?)\s*\)")

_ERROR = r"(?:error|err|e|loss|cost|j|c|l)"
_TOTAL = r"(?:total|tot|t|sum)"
_ALL = rf"(?:sumof|overall){_ERROR}s?|(?:error|cost|loss)function|gesamtfehler"
_WHOLE = rf"(?:{_ERROR}_?{_TOTAL}|{_TOTAL}_?{_ERROR}|{_ALL}|{_ERROR})"
_NET_INPUT = r"(?:net|total)?input(?:to|of)?|(?:weighted)?sum(?:of)?|pre_?activation(?:of)?|preact|logit"
_NET = rf"(?:(?:total)?net|z|sum|s|in|pre|{_NET_INPUT})"
_OUT = r"(?:a|out|act|activation(?:of)?|activated|sigma|sigmoid(?:of)?|sig|output(?:of)?|f|o|y)"
_UNIT = r"(?P<unit>[fgho])(?:idden|utput|ut)?_?(?P<n>\d{1,2})"
_D = r"(?:d|partial)"
_WEIGHT = r"(?:w|wt|wgt|weight|weights|gewicht)"
_BIAS = r"(?:b|bias)"
_SLOPE = rf"(?:{_ERROR}_?)?(?:grad|gradient|gradients|slope|derivative)"
_GRADIENT = rf"(?:{_SLOPE}(?:of|for|wrt)?(?:_?{_ERROR}_?(?:by|wrt|withrespectto)?)?)"
_NEW = r"(?:next|new|\+|updated|plus|after)"
_LOCAL = r"(?:(?:error|err)_?(?:term|signal)?_?|local_?(?:grad|gradient|error)_?)"

RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (
            r"(?:t|target|targets|tgt|y?_?true|truth|desired|expected|label|soll|ziel)_?(?:o|out|output)?_?(?P<n>\d{1,2})",
            "t{n}",
        ),
        (r"(?:i|x|in|input|inp|feature)_?(?P<n>\d{1,2})", "i{n}"),
        (rf"(?:(?:old|current)_?)?{_WEIGHT}_?(?P<n>\d{{1,3}})(?:_?(?:old|current))?", "w{n}"),
        (r"(?:b|bias)_?(?P<n>\d{1,2})", "b{n}"),
        (rf"{_BIAS}_?(?:h|hidden)", "b!h"),
        (rf"{_BIAS}_?(?:o|out|output)", "b!o"),
        (rf"{_BIAS}_?{_UNIT}", "b!{unit}{n}"),
        (rf"{_WEIGHT}_?(?P<n>\d{{1,3}})_?{_NEW}", "w{n}_next"),
        (rf"{_NEW}_?{_WEIGHT}_?(?P<n>\d{{1,3}})", "w{n}_next"),
        (rf"{_BIAS}_?(?P<n>\d{{1,2}})_?{_NEW}", "b{n}_next"),
        (rf"{_NEW}_?{_BIAS}_?(?P<n>\d{{1,2}})", "b{n}_next"),
        (r"(?:step|delta|change|changein|changeof|update|updateof)_?w_?(?P<n>\d{1,3})", "step!w{n}"),
        (r"(?:step|delta|change|changein|changeof|update|updateof)_?b_?(?P<n>\d{1,2})", "step!b{n}"),
        (rf"{_UNIT}", "{unit}{n}"),
        (rf"{_NET}_?{_UNIT}", "net_{unit}{n}"),
        (rf"{_OUT}_?{_UNIT}", "a_{unit}{n}"),
        (rf"{_OUT}_?{_NET}_?{_UNIT}", "a_{unit}{n}"),
        (rf"{_UNIT}_?(?:net|netinput|sum|in|input|pre|pre_?activation|z|weightedsum)", "net_{unit}{n}"),
        (rf"{_UNIT}_?(?:out|output|act|activation|activated|post|sigmoid|sigma|a)", "a_{unit}{n}"),
        (r"(?:yhat|prediction|pred|predicted|actual)_?o?(?P<n>\d{1,2})", "a_o{n}"),
        (r"y_?(?P<n>\d{1,2})", "y!o{n}"),
        (r"(?:output|out)_?(?P<n>\d{1,2})", "a_o{n}"),
        (r"hidden_?(?P<n>\d{1,2})", "h{n}"),
        (r"(?:e|loss|cost|j|l|se|(?:squared|sq)_?(?:error|err))_?(?:o|out|output)?_?(?P<n>\d{1,2})", "E{n}"),
        (r"(?:error|err)_?(?P<n>\d{1,2})", "E{n}"),
        (rf"{_ERROR}_?(?:out_?o|a_?o)(?P<n>\d{{1,2}})", "E{n}"),
        (_WHOLE, "E_total"),
        (r"mse|sse|e_?all|(?:squared|sq)_?(?:error|err)", "E_total"),
        (rf"{_D}?_?{_WHOLE}_?(?:/|by)?_?{_D}_?w_?(?P<n>\d{{1,3}})", "dE/dw{n}"),
        (rf"{_D}_?{_WHOLE}_?(?:by|wrt|withrespectto)_?w_?(?P<n>\d{{1,3}})", "dE/dw{n}"),
        (rf"{_D}?_?{_WHOLE}_?/?_?{_D}_?b_?(?P<n>\d{{1,2}})", "dE/db{n}"),
        (rf"(?:{_GRADIENT}|g|d)_?{_WEIGHT}_?(?P<n>\d{{1,3}})", "dE/dw{n}"),
        (rf"(?:{_GRADIENT}|g|d)_?{_BIAS}_?(?P<n>\d{{1,2}})", "dE/db{n}"),
        (rf"{_WEIGHT}_?(?P<n>\d{{1,3}})_?(?:grad|gradient|slope|derivative)", "dE/dw{n}"),
        (rf"{_BIAS}_?(?P<n>\d{{1,2}})_?(?:grad|gradient|slope|derivative)", "dE/db{n}"),
        (rf"delta_?{_UNIT}", "delta_{unit}{n}"),
        (rf"{_UNIT}_?(?:delta|error|errorterm|localgradient|localgrad)", "err!{unit}{n}"),
        (rf"{_LOCAL}(?:for_?|of_?|at_?)?{_UNIT}", "err!{unit}{n}"),
        (rf"{_D}_?{_WHOLE}/{_D}_?{_NET}_?{_UNIT}", "delta_{unit}{n}"),
        (rf"{_D}_?{_WHOLE}/{_D}_?{_UNIT}", "d!{unit}{n}"),
        (rf"{_D}?_?{_WHOLE}/{_D}_?{_OUT}_?{_UNIT}", "dE/da_{unit}{n}"),
        (rf"{_D}_?{_OUT}_?{_UNIT}/{_D}_?(?:{_NET}_?)?(?P=unit)(?:idden|utput|ut)?_?(?P=n)", "da_{unit}{n}/d{unit}{n}"),
    )
)


# The same texts are asked about many times: in every row that could be the heads, upright and turned.
@lru_cache(maxsize=4_096)
def spelled(text: str) -> str | None:
    """Return the graph's name that a head means (``net_h1`` where it says pre-activation), or None.

    Some heads can mean several things; the table decides. ``h1`` alone may be a pre-activation or an activation, ``d!h1`` is
    ∂E/∂h1 where h1 is not yet decided, ``y!o1`` a target or an output, ``err!o1`` a delta or an error, ``b!h`` the bias of a
    layer, ``step!w1`` is Δw1. ``h1[2]`` keeps its sample; ``p!o1/w5`` is any other partial derivative, of o1 by w5; ``1!t1``
    is a head without a number, which belongs to the only output where there is one.
    """
    return next((found for form in _forms(text) if (found := _known(*normal(form))) is not None), None)


def _forms(text: str) -> Iterator[str]:
    """Yield the ways to read a head, the one that takes most of it as said first."""
    if len(text) > LONGEST:
        return
    if (match := COUNTED.search(text)) is not None:
        name, digits = (match[1], match[2]) if match[1] else (match[3], match[4])
        yield f"{text[: match.start()]}{name.strip()}{digits}"
    if (match := CALLED.match(text)) is not None:
        yield f"{match[1]}_{match[2]}"
        if NAMED_TWICE.fullmatch(match[1].casefold()):
            yield match[2]
    if INSIDE.search(text) is not None:
        yield INSIDE.sub(r"\1_\2", text)
    if (match := ADDED.match(text)) is not None:
        yield f"{match[1]}_{match[2].replace('-', '')}"
    yield text
    if "=" in text and (left := text.partition("=")[0].strip()):
        # An equation as a head: E_total = E1 + E2 is called what stands at its left.
        yield left


def _known(plain: str, sample: str) -> str | None:
    if plain in RATES:
        return LEARNING_RATE
    plain = ZERO_FOR_O.sub(r"\1o\2", plain)
    if (found := _ruled(plain, sample)) is not None:
        return found or None
    if plain == "e" and sample:
        return f"E[{sample}]"
    if plain in SETTINGS:
        return SETTINGS[plain]
    if not sample and plain in ALONE:
        return ALONE[plain]
    if not sample and (match := LONE.fullmatch(plain)) is not None and (match[1] or match[2] or plain == "o"):
        found = _ruled(f"{match[1]}o1{match[2] or ''}", "")
        if found is not None and found.endswith(("o1", "t1")):
            return f"1!{found}"
    return _partial(plain, sample)


def _ruled(plain: str, sample: str) -> str | None:
    """Return what the rules make of a name, "" for a number 0 that nothing has, None where no rule fits."""
    for pattern, name in RULES:
        match = pattern.fullmatch(plain)
        if match is not None:
            groups = {key: value for key, value in match.groupdict().items() if value is not None}
            if "n" in groups:
                groups["n"] = str(int(groups["n"]))
                if groups["n"] == "0":
                    return ""
            return _in_sample(name.format(**groups), sample)
    return None


def _partial(plain: str, sample: str) -> str | None:
    """Return ``p!TOP/BOTTOM`` for a partial derivative of one known quantity by another, such as ∂o1/∂a_h1."""
    match = PARTIAL.fullmatch(plain)
    if match is None:
        return None
    above, below = _known(match[1], sample), _known(match[2], sample)
    if (
        above is None
        or below is None
        or "!" in above + below
        or "/" in above + below
        or LEARNING_RATE in (above, below)
    ):
        return None
    return f"p!{above}/{below}"


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
    """Return the text without case, spaces, marks of subscripts and units; and its sample number, if any."""
    # δE/δw and ΔE/Δw are derivatives; a δ or Δ alone is something else.
    if CHANGES.search(text):
        text = re.sub("[δΔ∆𝛿𝛥𝝏]", "∂", text)
    text = NEXT.sub(" new", text.replace("{", "").replace("}", ""))
    while OF.search(text):
        text = OF.sub(r"\1\2", text)
    text = re.sub(r"[yY]\s*[\u0302^](?=\s*_?\s*[\d₀-₉])", "yhat", text)
    for sign, word in SIGNS.items():
        text = text.replace(sign, word)
    # Signs before and after this: it makes a plain + of ⁺, which is then lost, and a δ of 𝛿, which is only then known.
    text = unicodedata.normalize("NFKC", text)
    for sign, word in SIGNS.items():
        text = text.replace(sign, word)
    text = "".join(sign for sign in text if not unicodedata.category(sign).startswith("C"))
    sample = ""
    # ∂a_h1[2]/∂h1[2]: the sample stands behind both
    if (match := SAMPLE.search(text)) is not None:
        sample = str(int(match[1]))
        text = text.replace(match[0].strip(), "")
    while (match := UNITS.search(text)) is not None and match.start() > 0:
        text = text[: match.start()]
    # Heads in LaTeX: \frac{\partial E}{\partial w_1} is read as dE/dw1 is.
    text = text.casefold().replace("\\", "").replace("frac", "").replace("partial", "d")
    text = re.sub(r"[{}$\s.:,|=^-]+", "", text)
    text = re.sub(r"_+", "_", text).strip("_")
    # Two numbers, as in w1_2, may be layer and place, or from and to: which weight is meant cannot be known.
    if re.search(r"[a-z]\d+_\d+$", text):
        return "", ""
    joined = text.replace("_", "")
    return (joined if joined in RATES else text), sample


def number_in(text: str) -> float | None:
    """``0,05``, ``5e-1`` or ``50 %`` as a number, or None."""
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip().replace(" ", "")
    if not re.fullmatch(r"[-+]?\d{0,15}(?:[.,]\d{1,25})?(?:[eE][-+]?\d{1,3})?%?", plain) or not re.search(r"\d", plain):
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
