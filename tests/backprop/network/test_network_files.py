"""What a network description may say, and the one line that answers what it may not."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from handgrad.backprop import BiasRule, Layer, Network, Sample, build_graph, load_network, preset_names
from handgrad.backprop.network.file import parse_network
from handgrad.backprop.network.network import first_weights
from handgrad.errors import UsageError

GOOD = """
name = "mine"
bias = "neuron"
[update]
rule = "adam"
[[layers]]
units = 2
activation = "tanh"
[[layers]]
units = 1
[[samples]]
inputs = [0, 1.5]
targets = [1]
"""


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_network(text, source="mine.toml")
    message = str(caught.value)
    assert "\n" not in message and message.startswith("mine.toml: ")
    return message.removeprefix("mine.toml: ")


def test_a_good_description_is_read_whole() -> None:
    network = parse_network(GOOD)
    assert (network.name, network.sizes, network.bias, network.update.rule) == ("mine", (2, 2, 1), "neuron", "adam")
    assert network.layers == (Layer(2, "tanh"), Layer(1, "sigmoid"))
    assert network.weights == first_weights((2, 2, 1), 0) and network.biases == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "mine"', "learning_rte = 1", 'learning_rte is not known – did you mean "learning_rate"?'),
        ("units = 1", "units = 1\nactivaton = 'relu'", 'layers.2.activaton is not known – did you mean "activation"?'),
        ('"tanh"', '"sigmoyd"', 'layer 1: activation "sigmoyd" is not known – did you mean "sigmoid"?'),
        ('"tanh"', '"softmax"', "layer 1: softmax is for the output layer only – use sigmoid or tanh here"),
        ('"adam"', '"adm"', 'update.rule "adm" is not known – did you mean "adam"?'),
        ('"neuron"', '"neurone"', 'bias "neurone" is not known – did you mean "neuron"?'),
        ("units = 1", "units = 17", "layer 2: units: 1 to 16 fit on a sheet – found 17"),
        ("units = 1", "units = 2", "sample 1 has 1 target – the last layer has 2 units"),
        ("units = 1", "units = 1.5", "layers.2.units must be a whole number – found 1.5"),
        ("units = 1", "units = true", "layers.2.units must be a whole number – found true"),
        ("1.5", "nan", "sample 1: input 2 must be a finite number – found nan"),
        ("targets = [1]", "targets = [-inf]", "sample 1: target 1 must be a finite number – found -inf"),
        ("1.5", '"=1+1"', 'samples.1.inputs.2 must be a number – found "=1+1"'),
        ('name = "mine"', "weights = [1, 2, 3]", "3 weights – a 2-2-1 network needs 6 (w1 to w6)"),
        (
            'name = "mine"',
            "biases = [1]",
            "1 bias – 3 (one per unit) or 2 (one per layer) needed for bias rule neuron",
        ),
        ('name = "mine"', "learning_rate = 0", "learning_rate must be a finite number above 0 – found 0"),
        ('name = "mine"', "seed = -1", "seed must be a whole number from 0 up – found -1"),
        ('"adam"', '"adam"\nbeta2 = 1', "beta2 must be from 0 to below 1 – found 1.0"),
        ('name = "mine"', "loss = 'binary-cross-entrpy'", 'did you mean "binary-cross-entropy"?'),
        ('name = "mine"', "loss = 'softmax-cross-entropy'", "needs softmax in the last layer – found sigmoid"),
        ("targets = [1]", "targets = []", "sample 1 has 0 targets – the last layer has 1 unit"),
        (
            "[[samples]]\ninputs = [0, 1.5]\ntargets = [1]",
            "",
            "samples is missing – add [[samples]] with inputs, targets",
        ),
        ("[[samples]]", "[[samples", " – it must be TOML"),
        ('name = "mine"', "momentum = 0.9", "momentum is not known – it belongs in [update] (update.momentum)"),
        ('name = "mine"', "units = 3", "units is not known – it belongs in [[layers]]"),
        ("targets = [1]", "targets = [1]\nseed = 1", "samples.1.seed is not known – it belongs at the top of the file"),
        ('name = "mine"', "learning_rate = 0,5", 'line 2: "learning_rate = 0,5" – write a number with a decimal point'),
        ('name = "mine"', "learning_rate = .5", "write a digit before the decimal point, as 0.5"),
        ('name = "mine"', "name = mine", 'line 2: "name = mine" – put a text in quotes'),
        ('name = "mine"', "name = “mine”", "put a text in straight quotes"),
        ('name = "mine"', 'name = "mine', 'close the text with a second "'),
        ('name = "mine"', "learning_rate: 0.5", "write a key, = and its value"),
        ('name = "mine"', "seed = 1\nseed = 2", "this key is there already: keep one of the two"),
        ('name = "mine"', "weights = [1, 2", "close the list before it"),
        ("[[samples]]", "[samples]", "write its name in [[double brackets]], once for each"),
        ('name = "mine"', "rates = [1, 1]", "rates needs 1 to 12 different numbers – found 1, 1"),
    ],
)
def test_a_bad_description_gets_one_line_that_helps(old: str, new: str, message: str) -> None:
    assert old in GOOD
    assert message in refusal(GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '[update]\nrule = "adam"',
            'update = "adam"',
            "update must be a table with the keys rule, momentum, beta1, beta2",
        ),
        (
            "[[layers]]\nunits = 2",
            "[layers]\nunits = 2",
            "layers must be a list of tables with the keys units, activation",
        ),
        ("units = 1", "units = [1]", "layers.2.units must be a whole number – found a list"),
        ("inputs = [0, 1.5]", "inputs = 0", "samples.1.inputs must be a list in square brackets – found 0"),
        ("inputs = [0, 1.5]", "inputs = [[0], true]", "samples.1.inputs.1 must be a number – found a list"),
        (
            "inputs = [0, 1.5]",
            "inputs = { x = 1 }",
            "samples.1.inputs must be a list in square brackets – found a table",
        ),
        ('bias = "neuron"', "bias = 1", "bias must be one of none, fixed, neuron, layer, in quotes – found 1"),
        ('name = "mine"', "name = 7", "name must be a text in quotes – found 7"),
        ("units = 1", "", "layers.2.units is missing – add it"),
        ('"tanh"', "1979-05-27", 'layer 1: activation "1979-05-27" is not known – choose one of sigmoid, tanh'),
    ],
)
def test_a_wrong_type_is_told_in_the_words_of_toml_and_never_in_those_of_python(
    old: str, new: str, message: str
) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    if new.startswith("[layers]"):
        text = text.replace("[[layers]]\nunits = 1\n", "")
    found = refusal(text)
    assert message in found
    assert not re.search(r"instance|Input|input should|Table|valid|dict|tuple|int\b|str\b", found)


def test_of_many_faults_five_are_told_and_the_others_counted() -> None:
    found = refusal(GOOD.replace("1.5", ", ".join(["true"] * 12), 1))
    assert found.count("must be a number – found true") == 5 and found.endswith("; and 7 more")


def test_targets_outside_what_the_loss_allows_are_refused() -> None:
    binary = GOOD.replace('name = "mine"', 'loss = "binary-cross-entropy"')
    assert parse_network(binary).loss == "binary-cross-entropy"
    found = refusal(binary.replace("targets = [1]", "targets = [1.5]"))
    assert found == "sample 1: binary-cross-entropy allows targets from 0 to 1 – found 1.5"
    classes = load_network("three-classes")
    with pytest.raises(UsageError, match=r"sample 1: softmax-cross-entropy needs .* add up to 1 – found 0\.9"):
        dataclasses.replace(classes, samples=(Sample((0.0, 1.0), (0.5, 0.4, 0.0)),))


@pytest.mark.parametrize(
    "name", ["=1+1", "{=1+1}", "<script>", "../x", "a/b", "-x", "", "x" * 300, "a\nb", "a\u202eb", "@x", "+x", "x\n"]
)
def test_a_name_that_could_be_a_formula_a_tag_or_a_path_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"cannot be used – begin with a letter or digit") as caught:
        dataclasses.replace(load_network("classic"), name=name)
    assert len(str(caught.value)) < 250 and str(caught.value).isprintable()


def test_hostile_keys_stay_one_short_line() -> None:
    message = refusal(f'"{"k" * 300}" = 1\n' + GOOD)
    assert len(message) < 400
    assert refusal('"a\\nb" = 1\n' + GOOD).isprintable()


def test_numbers_that_toml_allows_but_floats_do_not_hold_are_refused() -> None:
    assert refusal(GOOD.replace("1.5", "1" + "0" * 400, 1))
    assert "finite" in refusal(GOOD.replace("1.5", "1e400", 1))


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "9" * 5000])
def test_a_number_longer_than_python_writes_is_refused_in_plain_words(number: str) -> None:
    assert "a number has more than 4,300 digits – it must be TOML" in refusal(GOOD.replace("1.5", number, 1))


def test_deep_nesting_is_refused() -> None:
    assert refusal("x = " + "[" * 5000)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.toml cannot be read: No such file"):
        load_network(tmp_path / "missing.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(
        UsageError, match=r"latin\.toml cannot be read: byte 8 shows that it is not UTF-8 text – give a preset"
    ):
        load_network(tmp_path / "latin.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * 1_000_002)
    with pytest.raises(UsageError, match=r"large\.toml cannot be read: it is longer than 1,000,000 bytes"):
        load_network(tmp_path / "large.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(UsageError, match=r"folder\.toml cannot be read: Is a directory – give a preset or a TOML file"):
        load_network(tmp_path / "folder.toml")


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r'^unknown network "clasic" – did you mean "classic"\?$'):
        load_network("clasic")
    with pytest.raises(UsageError, match=r"choose one of classic, classic-biased, diverging, three-classes, xor"):
        load_network("qqq")
    with pytest.raises(UsageError, match="unknown network"):
        load_network("x\0y" * 200)


def test_every_preset_is_read_under_its_own_name() -> None:
    assert preset_names() == ("classic", "classic-biased", "diverging", "three-classes", "xor")
    assert [load_network(name).name for name in preset_names()] == list(preset_names())


def test_a_file_without_a_name_is_named_after_itself(tmp_path: Path) -> None:
    (tmp_path / "sheet 1.toml").write_text(GOOD.replace('name = "mine"', ""), encoding="utf-8")
    assert load_network(tmp_path / "sheet 1.toml").name == "sheet 1"


def test_names_follow_the_rule_in_deeper_networks_and_with_samples() -> None:
    samples = (Sample((1.0,), (0.0,)), Sample((2.0,), (1.0,)))
    network = Network("deep", (Layer(2), Layer(1), Layer(1), Layer(1)), samples, bias=BiasRule.NEURON)
    graph = build_graph(network)
    header = "t1[1] i1[1] t1[2] i1[2] w1 w2 w3 w4 w5 w6 b1 b2 b3 b4 b5 f1[1] a_f1[1] f2[1] a_f2[1] g1[1] a_g1[1]"
    assert " ".join(graph.main_columns).startswith(header + " h1[1] a_h1[1] o1[1] a_o1[1] E1[1] E[1] f1[2]")
    assert graph.dependencies("g1[2]") == ("w3", "a_f1[2]", "w4", "a_f2[2]", "b3")
    assert graph.plain("E_total") == "(E[1] + E[2]) / 2"
    assert graph.plain("dE/db3") == "(δ_g1[1] + δ_g1[2]) / 2"
    assert graph["delta_g1[2]"].label == "δ_g1[2]"
