"""Pictures and pages for people: templates and what fills them."""
