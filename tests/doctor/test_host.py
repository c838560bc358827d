"""What the doctor says of this machine and of what is installed."""

from __future__ import annotations

import sys
from importlib.metadata import version

import pytest

from ocrgate.ability import Finding
from ocrgate.doctor.host import extras, host


def told(*requirements: str) -> dict[str, Finding]:
    return {finding.name: finding for finding in extras(list(requirements))}


def test_python_package_and_machine_are_told() -> None:
    found = {finding.name: finding for finding in host()}
    assert found["python"].status == "pass"
    assert sys.executable in found["python"].detail
    assert found["ocrgate"].detail.startswith(f"{version('ocrgate')}, ")
    assert "processor" in found["machine"].detail
    assert f"pillow {version('pillow')}" in found["packages"].detail


def test_a_python_that_is_not_tested_on_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    found = next(host())
    assert (found.status, "3.10 to 3.13" in found.remedy) == ("warn", True)


def test_each_extra_is_told_by_what_is_there_of_it() -> None:
    found = told(
        "pillow>=10.3",
        'pytest>=8; extra == "whole"',
        'hypothesis>=6.100; extra == "whole"',
        'pytest>=8; extra == "half"',
        'no-such-package; extra == "half"',
        'no-such-package[x,y]>=1,<2; extra == "absent"',
        "no-such-package>=1.1; (platform_system == 'Linux') and extra == 'whole'",
        'ocrgate[whole]; extra == "all"',
        'pytest; extra == "test"',
    )
    assert {name: finding.status for name, finding in found.items()} == {
        "packages": "pass",
        "extra absent": "skip",
        "extra half": "warn",
        "extra whole": "pass",
    }
    assert found["extra absent"].remedy == 'pip install "ocrgate[absent]"'
    assert found["extra half"].detail.startswith("not whole: no-such-package missing; pytest ")
    assert found["extra whole"].detail == f"pytest {version('pytest')}, hypothesis {version('hypothesis')}"


@pytest.mark.parametrize(("least", "status"), [("1", "pass"), ("9999.0", "warn"), (version("pytest"), "pass")])
def test_a_package_that_is_too_old_is_a_warning(least: str, status: str) -> None:
    found = told(f'pytest>={least},!=1.5; extra == "e"')["extra e"]
    assert found.status == status
    assert ("older than" in found.detail, "--upgrade" in found.remedy) == (status == "warn",) * 2
