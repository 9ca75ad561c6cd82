"""What the control room is like where there is no room_templates/control.yaml."""

from __future__ import annotations

from .authored import Template
from .edge.template import TemplateForm, template_of


def control_template() -> Template:
    """Build the template of the private, encrypted room of leads and facilitators."""
    said: TemplateForm = {
        "version": 1,
        "kind": "room",
        "name": "{title}: keepers",
        "topic": "For leads and facilitators only. What the bot has to tell them, it says here.",
        "settings": {"join": "invite", "history": "joined", "encryption": "required"},
        "power": {"lead": 100, "facilitator": 0, "member": 0},
        "on_drift": {"pins": "report"},
    }
    return template_of(said, "control")
