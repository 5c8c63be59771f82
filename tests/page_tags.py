"""The tags of a page of HTML."""

import html.parser


class TagReader(html.parser.HTMLParser):
    """Keeps the tags with their attributes, and the text."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data
