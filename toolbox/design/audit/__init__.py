"""What is wrong with a stimulus set, in what is stored of it: copies, doubtful labels, poor pictures, confounds."""

from __future__ import annotations

from toolbox.design.audit.choices import AUDITED, CONFOUND, FALSE_POSITIVES, NEAREST, AuditChoices
from toolbox.design.audit.result import Audit
from toolbox.design.audit.run import audit
from toolbox.design.audit.scheme import check_saving, save_scheme

__all__ = [
    "AUDITED",
    "CONFOUND",
    "FALSE_POSITIVES",
    "NEAREST",
    "Audit",
    "AuditChoices",
    "audit",
    "check_saving",
    "save_scheme",
]
