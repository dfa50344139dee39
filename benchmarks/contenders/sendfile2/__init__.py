"""django-sendfile2: a view that calls its function, with the backend "simple"; behind nginx with "nginx"."""
