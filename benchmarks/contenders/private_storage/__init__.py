"""django-private-storage: its own URLs; a rule that lets everybody in, so that no session has to be asked."""
