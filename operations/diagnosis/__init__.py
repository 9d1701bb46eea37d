"""What `manage.py doctor` looks at: each check reads the installation as it is and changes nothing."""

from operations.diagnosis.configuration import configuration_findings
from operations.diagnosis.database import database_findings
from operations.diagnosis.findings import Finding, Level, worst
from operations.diagnosis.host import host_findings
from operations.diagnosis.services import service_findings

__all__ = ["Finding", "Level", "diagnose", "worst"]


def diagnose() -> list[Finding]:
    """Run every check and return what was found, in the order a person would read it."""
    return [*configuration_findings(), *database_findings(), *service_findings(), *host_findings()]
