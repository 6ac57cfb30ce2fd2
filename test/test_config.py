"""The settings of the parameter file, the command line and the node."""

from pathlib import Path

import pytest
import yaml

from ris_ros import Config
from ris_ros.config import iter_settings, to_ros_yaml
from ris_ros.errors import InputError

PARAMETER_FILE = Path(__file__).parent.parent / "config" / "ris.yaml"


def test_the_parameter_file_is_up_to_date():
    assert PARAMETER_FILE.read_text() == to_ros_yaml(Config()), "regenerate it: ris config > config/ris.yaml"


def test_the_parameter_file_reads_back_as_the_defaults():
    assert Config.from_yaml(PARAMETER_FILE) == Config()


def test_a_changed_configuration_survives_its_file(tmp_path):
    config = Config.from_dict({"proposals.max_prompts": 7, "device": "cpu", "encoder": {"model": "hf-hub:a/b: c"}})
    file = tmp_path / "ris.yaml"
    file.write_text(to_ros_yaml(config))
    assert Config.from_yaml(file) == config
    assert config.proposals.max_prompts == 7
    assert config.encoder.model == "hf-hub:a/b: c"


def test_plain_yaml_and_the_parameters_of_ros_itself_are_accepted(tmp_path):
    file = tmp_path / "ris.yaml"
    file.write_text("matching: {text_weight: 1}\n")
    assert Config.from_yaml(file).matching.text_weight == 1.0
    file.write_text("ris:\n  ros__parameters:\n    use_sim_time: true\n    matching: {text_weight: 0.25}\n")
    assert Config.from_yaml(file).matching.text_weight == 0.25
    file.write_text("")
    assert Config.from_yaml(file) == Config()


@pytest.mark.parametrize(("values", "message"), [
    ({"proposals.max_promts": 3}, "unknown setting 'proposals.max_promts'; did you mean proposals.max_prompts"),
    ({"proposals": 3}, "unknown setting 'proposals'; .*`ris config` lists all"),
    ({"proposals.max_prompts": 0}, "from 1 to 4096, not 0"),
    ({"proposals.max_prompts": 3.5}, "must be a whole number, not 3.5"),
    ({"proposals.max_prompts": True}, "must be a whole number, not True"),
    ({"matching.text_weight": float("nan")}, "from 0.0 to 1.0"),
    ({"method": "best"}, "one of full, reference"),
])
def test_the_error_for_an_invalid_value_names_the_setting(values, message):
    with pytest.raises(InputError, match=message):
        Config.from_dict(values)


@pytest.mark.parametrize("text", ["a: [", "just words", "- a\n- b"])
def test_the_error_for_an_invalid_file_names_its_path(tmp_path, text):
    file = tmp_path / "ris.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=str(file)):
        Config.from_yaml(file)
    with pytest.raises(InputError, match="nowhere"):
        Config.from_yaml(tmp_path / "nowhere")


def test_every_setting_has_help_and_a_valid_default():
    for setting in iter_settings(Config()):
        assert setting.help
        assert setting.validate(setting.value) == setting.value
        assert yaml.safe_load(to_ros_yaml(Config()))


def test_the_jetson_file_holds_only_known_settings():
    config = Config.from_yaml(PARAMETER_FILE.with_name("jetson.yaml"))
    assert config.device == "cuda"
    assert config.encoder.dtype == "float16"


def test_the_off_board_file_subscribes_to_compressed_images():
    config = Config.from_yaml(PARAMETER_FILE.with_name("off_board.yaml"))
    assert config == Config.from_dict({"image_transport": "compressed", "image_reliability": "best_effort"})
