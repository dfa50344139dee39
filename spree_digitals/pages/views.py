"""The pages that buyers see. Looking at one costs nothing, however often and whoever does."""

from __future__ import annotations

import logging
from http import HTTPStatus
from math import ceil
from typing import Any
from urllib.parse import urlencode, urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.paginator import Paginator
from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, Resolver404, get_script_prefix, resolve, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from .. import downloads, signals, tasks
from ..api.errors import ERRORS, RETRY_AFTER
from ..clients import Client
from ..conf import conf
from ..delivery.base import PRIVATE_HEADERS
from ..exceptions import DownloadRefused, LinkNotFound, TemporarilyUnavailable
from ..models import DigitalLink
from ..policy import Standing
from ..purchases import PurchasedOrder, copies, purchased
from ..storefront import get_storefront, read_store_once
from . import sign_in
from .throttles import AddressThrottle, ClientThrottle
from .wording import LinkInWords

logger = logging.getLogger(__name__)

ORDERS_ON_A_PAGE = 10
BARE_FRAME = "spree_digitals/pages/_bare.html"


class SeeOther(HttpResponseRedirect):
    """RFC 9110 §15.4.4: after a POST, GET what is there."""

    status_code = HTTPStatus.SEE_OTHER


class Page(View):
    """What all pages have in common: their headers, and that a failure is a page as well."""

    http_method_names = ["get", "head", "post", "options"]
    referrer_policy = "no-referrer"

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        # Pages that have to know where a form comes from check it themselves: a token in the address is no cookie,
        # and without cookies there is nothing that another site could borrow.
        view: Any = csrf_exempt(super().as_view(**initkwargs))
        # A database that is down shall meet our page, not the transaction around it.
        for alias in connections:
            view = transaction.non_atomic_requests(using=alias)(view)
        return view

    @read_store_once()
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = self.answer(request, *args, **kwargs)
        for name, value in PRIVATE_HEADERS.items():
            response[name] = value
        response["Referrer-Policy"] = self.referrer_policy
        response["X-Frame-Options"] = "DENY"
        if conf.PAGES_CSP is not None:
            response["Content-Security-Policy"] = conf.PAGES_CSP
        return response

    def answer(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return self.respond(request, *args, **kwargs)
        except TemporarilyUnavailable:
            return self.unavailable()
        except (OperationalError, InterfaceError):
            logger.exception("The database could not answer.")
            return self.unavailable()

    def respond(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().dispatch(request, *args, **kwargs)
        except LinkNotFound:
            has_sessions = hasattr(request, "session")
            return self.page("link_not_found", HTTPStatus.NOT_FOUND, has_sessions=has_sessions)

    def page(self, template: str, status: int = HTTPStatus.OK, **context: Any) -> HttpResponse:
        return render(self.request, f"spree_digitals/pages/{template}.html", context, status=status)

    def unavailable(self) -> HttpResponse:
        try:
            response = self.page("unavailable", HTTPStatus.SERVICE_UNAVAILABLE)
        except (OperationalError, InterfaceError):  # the shop's frame asks the database too, say for who is logged in
            content = render_to_string("spree_digitals/pages/unavailable.html", {"frame": BARE_FRAME})
            response = HttpResponse(content, status=HTTPStatus.SERVICE_UNAVAILABLE)
        response["Retry-After"] = RETRY_AFTER
        return response


class ProtectedPage(Page):
    """A page with a form that no other site may send on behalf of its visitor."""

    # With "no-referrer" browsers send such a form with "Origin: null", which Django refuses. This tells no path.
    referrer_policy = "strict-origin"

    @method_decorator(csrf_protect)
    def respond(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().respond(request, *args, **kwargs)


class LinkPage(Page):
    """The page of a link: what it is, what is left of it, and a button that downloads."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        standing = downloads.find_link(token)
        refusal = refusal_of(standing)
        down = isinstance(refusal, TemporarilyUnavailable)
        return self.show(standing, refusal, HTTPStatus.SERVICE_UNAVAILABLE if down else HTTPStatus.OK)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        """The button. Counting is done where the file is, and only there."""
        standing = downloads.find_link(token)
        refusal = refusal_of(standing)
        if refusal is None:
            return SeeOther(reverse("spree_digitals:download", kwargs={"token": token}))
        self.tell_refused(standing.link, refusal)
        return self.show(standing, refusal, ERRORS[refusal.code][0])

    def show(self, standing: Standing, refusal: DownloadRefused | None, status: int) -> HttpResponse:
        link = LinkInWords(standing, refusal)
        shop = get_storefront().store_name(link.order)
        has_sessions = hasattr(self.request, "session")
        response = self.page("link", status, link=link, shop=shop, has_sessions=has_sessions)
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            response["Retry-After"] = RETRY_AFTER
        return response

    def tell_refused(self, link: DigitalLink, refusal: DownloadRefused) -> None:
        if not isinstance(refusal, TemporarilyUnavailable):
            downloads.record_refusal(link, refusal, Client.of(self.request))
            signals.download_refused.send_robust(DigitalLink, link=link, refusal=refusal, request=self.request)


class DownloadsPage(ProtectedPage):
    """My downloads: of the guest who signed in by mail, else of the account that is logged in."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        guest = sign_in.remembered(request)
        orders = orders_of(request, guest)
        if orders is None:
            return redirect("spree_digitals_pages:sign_in")
        page = Paginator(with_files(orders), ORDERS_ON_A_PAGE).get_page(request.GET.get("page"))
        found = [OrderInWords(order) for order in purchased(list(page.object_list))]
        shops = {order.shop for order in found}
        return self.page("downloads", page=page, orders=found, guest=guest, shop=shops.pop() if len(shops) == 1 else "")


class SignInPage(Page):
    """A guest asks for a link to their downloads."""

    def respond(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        sign_in.session_of(request)  # without sessions the link would lead nowhere
        return super().respond(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page("sign_in", form=AddressForm(), login_url=login_url())

    def post(self, request: HttpRequest) -> HttpResponse:
        """The same work and the same answer for every address; what differs is done when the answer was sent."""
        throttle = ClientThrottle()
        if not throttle.allow_request(request, self):  # type: ignore[arg-type]
            response = self.page("too_many", HTTPStatus.TOO_MANY_REQUESTS)
            response["Retry-After"] = str(ceil(throttle.wait() or 1))
            return response
        form = AddressForm(request.POST)
        if not form.is_valid():
            return self.page("sign_in", HTTPStatus.BAD_REQUEST, form=form, login_url=login_url())
        address = form.cleaned_data["email"]
        context = {"address": address, "minutes": conf.SIGN_IN_MINUTES}
        content = render_to_string("spree_digitals/pages/mail_sent.html", context, request)
        may_mail = AddressThrottle(address).allow_request(request, self)  # type: ignore[arg-type]
        return MailAfterwards(content, address=address) if may_mail else HttpResponse(content)


class SignInLink(ProtectedPage):
    """
    The link in the mail.

    Opening it signs nobody in: programs that read mails open it too, and a link to somebody else's downloads could be
    slipped to anybody. The page names the address and asks; its form takes no other site's word. It works until it
    expires, as often as it is opened, because whoever can open it has the mail.
    """

    def respond(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        sign_in.session_of(request)
        return super().respond(request, *args, **kwargs)

    def get(self, request: HttpRequest, signed: str) -> HttpResponse:
        address = sign_in.address_of(signed)
        return self.expired() if address is None else self.page("sign_in_link", address=address)

    def post(self, request: HttpRequest, signed: str) -> HttpResponse:
        address = sign_in.address_of(signed)
        if address is None:
            return self.expired()
        sign_in.remember(request, address)
        return SeeOther(reverse("spree_digitals_pages:downloads"))

    def expired(self) -> HttpResponse:
        context = {"form": AddressForm(), "login_url": login_url(), "link_expired": True}
        return self.page("sign_in", HTTPStatus.FORBIDDEN, **context)


class SignOut(ProtectedPage):
    """A guest has seen enough."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        sign_in.forget(request)
        return SeeOther(reverse("spree_digitals_pages:downloads"))


class AddressForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("The one you have given with your order."),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class MailAfterwards(HttpResponse):
    """
    Looks the address up, and mails, once it was sent: Django closes a response when its last byte is out.

    So how long it takes tells nobody whether the shop knows the address.
    """

    def __init__(self, content: str, *, address: str) -> None:
        super().__init__(content)
        self.address = address

    def close(self) -> None:
        try:
            if not self.closed:
                tasks.mail_sign_in_link.enqueue(self.address)
        finally:
            super().close()


class OrderInWords:
    """An order of the list with its links."""

    def __init__(self, found: PurchasedOrder) -> None:
        storefront = get_storefront()
        self.number = storefront.number(found.order)
        self.completed_at = storefront.completed_at(found.order)
        self.links: list[LinkInWords] = []
        for line in found.line_items:
            for link, copy in copies(line.digital_links):
                self.links.append(LinkInWords(link.standing, link.standing.refusal, copy))
        # The order of a link is joined with its store.
        self.shop = storefront.store_name(self.links[0].order if self.links else found.order)


def refusal_of(standing: Standing) -> DownloadRefused | None:
    """Why a download would be refused now: by the policy, or by the storage."""
    if standing.refusal is not None:
        return standing.refusal
    try:
        standing.link.digital.stored_file.check()
    except DownloadRefused as refusal:
        return refusal
    return None


def orders_of(request: HttpRequest, guest: str | None) -> QuerySet[Any] | None:
    """The completed orders of whoever asks; None for nobody we know."""
    if guest is not None:
        return get_storefront().orders_with_email(guest)
    user = getattr(request, "user", None)
    return get_storefront().orders_of(user) if user is not None and user.is_authenticated else None


def with_files(orders: QuerySet[Any]) -> QuerySet[Any]:
    """Those that have anything to download."""
    links = DigitalLink.objects.filter(**{f"line_item__{get_storefront().order_path}": OuterRef("pk")})
    return orders.filter(Exists(links))


def login_url() -> str | None:
    """Where customers with an account log in, to come back afterwards; None where ``LOGIN_URL`` leads nowhere."""
    try:
        url = resolve_url(settings.LOGIN_URL)
        resolve(urlsplit(url).path.removeprefix(get_script_prefix().rstrip("/")))
    except (NoReverseMatch, Resolver404):
        return None
    return f"{url}?{urlencode({REDIRECT_FIELD_NAME: reverse('spree_digitals_pages:downloads')})}"
