"""A file is sold: one command from nothing to a running shop."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, call_command
from django.urls import reverse
from rest_framework.authtoken.models import Token

from example_project.shop.catalogue import stock
from example_project.shop.checkout import place_order
from example_project.shop.models import Order, Store, Variant
from example_project.shop.walk import Demo, free_port, served, taken, walk
from spree_digitals.clients import Client
from spree_digitals.downloads import authorize, find_link
from spree_digitals.models import DigitalLink

STAFF = "staff"
BUYER = "buyer"
PASSWORD = "demo"


class Command(BaseCommand):
    help = "Set up the example shop, sell a file, print what to try, and serve. May be run as often as you like."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="Where to serve (default: 8000).")
        parser.add_argument("--no-server", action="store_true", help="Stop after printing what to try.")
        parser.add_argument("--json", action="store_true", help="Print one JSON object and nothing else; do not serve.")
        parser.add_argument(
            "--check", action="store_true", help="Start a server, walk the whole path over HTTP, fail at a surprise."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        port = free_port() if options["check"] else options["port"]
        address = f"http://127.0.0.1:{port}"
        serve = not (options["json"] or options["check"] or options["no_server"])
        if serve and taken(port):
            raise CommandError(f"Port {port} is taken; name another with --port.")
        call_command("migrate", verbosity=0)
        demo = sell(address, check=options["check"])
        if options["json"]:
            self.stdout.write(json.dumps(asdict(demo)))
        elif options["check"]:
            with served(port):
                walk(demo, address, tell=self.stdout.write)
        else:
            self.explain(demo, address)
            if serve:
                call_command("runserver", f"127.0.0.1:{port}", use_reloader=False)

    def explain(self, demo: Demo, address: str) -> None:
        api = f"{address}{demo.base_path}/storefront"
        look_up = f"{api}/order_status/{demo.order_number}?include=line_items.digital_links"
        for line in (
            "The shop, to look around, buy and download (any e-mail address and card number will do):",
            f"  {address}{reverse('shop:catalogue')}",
            f"Log in as a customer who has bought something ({BUYER} / {PASSWORD}):",
            f"  {address}{reverse('shop:account')}",
            f"Order {demo.order_number} is complete: 3 e-books and a single, {len(demo.link_tokens)} download links:",
            f"  {address}{reverse('shop:order', args=[demo.order_number, demo.order_token])}",
            "Mails to buyers are written as files into:",
            f"  {settings.DATA_DIR / 'mails'}",
            "",
            "Look the order up, as a guest and as the signed-in buyer:",
            f"  curl -g -H 'X-Spree-Order-Token: {demo.order_token}' '{look_up}'",
            f"  curl -H 'Authorization: Bearer {demo.bearer_token}' {api}/account/orders",
            "Download a file. After five times it answers 403:",
            f"  curl -fOJ {api}/digitals/{demo.link_tokens[0]}",
            "A link that is used up:",
            f"  curl -i {api}/digitals/{demo.used_up_link_token}",
            f"Change the limits or reset that link in the admin ({demo.staff_username} / {demo.staff_password}):",
            f"  {address}{reverse('admin:index')}",
        ):
            self.stdout.write(line)


def sell(address: str, *, check: bool) -> Demo:
    """Stock the shop, sell something, and use one link up."""
    shop, _ = Store.objects.get_or_create(name="Paper & Sound", defaults={"domain": address})
    stock(shop)
    # The check sells in a store of its own: whatever staff have tried out in the shop, it starts from the defaults.
    store, _ = Store.objects.update_or_create(name="Check" if check else shop.name, defaults={"domain": address})
    staff, buyer = person(STAFF, is_staff=True, is_superuser=True), person(BUYER)
    variants = {variant.sku: variant for variant in Variant.objects.all()}
    order = place_order(store=store, user=buyer, email=buyer.email, basket={variants["BOOK"]: 3, variants["SINGLE"]: 1})
    used_up = tokens(place_order(store=store, user=buyer, email=buyer.email, basket={variants["POSTER"]: 1}))[0]
    use_up(used_up)
    return Demo(
        base_path=reverse("spree_digitals:account_orders").removesuffix("/storefront/account/orders"),
        order_number=order.number,
        order_token=order.token,
        bearer_token=Token.objects.get_or_create(user=buyer)[0].key,
        link_tokens=tokens(order),
        used_up_link_token=used_up,
        staff_username=staff.username,
        staff_password=PASSWORD,
    )


def person(username: str, **fields: bool) -> Any:
    user, _ = get_user_model().objects.update_or_create(
        username=username, defaults={"email": f"{username}@example.com", **fields}
    )
    user.set_password(PASSWORD)
    user.save()
    return user


def tokens(order: Order) -> list[str]:
    return list(DigitalLink.objects.filter(line_item__order=order).order_by("pk").values_list("token", flat=True))


def use_up(token: str) -> None:
    """Two uses, all counted, and a limit of two: whatever the limits of the store are."""
    DigitalLink.objects.filter(token=token).update(authorized_clicks=2)
    while (standing := find_link(token)).authorizable:
        authorize(standing.link, standing.limits, Client(user_agent="demo"))
