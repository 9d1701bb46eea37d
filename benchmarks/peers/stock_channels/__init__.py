"""The chat of the Channels tutorial, as a Django project of its own."""
