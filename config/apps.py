from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config.checks import register_checks  # the checks import code that needs the apps

        register_checks()
