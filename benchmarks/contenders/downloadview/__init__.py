"""django-downloadview: its view for files of a storage; behind nginx with its middleware and a rule."""
