"""The least that Django can do: a view without database, counting and middleware. What others are compared with."""
