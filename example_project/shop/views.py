"""The pages of the shop: choose, buy, download. Nothing here counts or limits downloads; spree_digitals does."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django.views.generic import CreateView, ListView

from spree_digitals.purchases import purchased
from spree_digitals.storefront import get_storefront

from .basket import Basket
from .checkout import place_order_once
from .forms import BuyForm, CheckoutForm, SignUpForm, UnitsForm
from .models import Order, Variant
from .offers import current_store, files_of, products


class Catalogue(ListView):  # type: ignore[type-arg]
    template_name = "shop/catalogue.html"
    context_object_name = "products"
    paginate_by = 24

    def get_queryset(self) -> QuerySet[Variant]:
        return products()


@require_http_methods(["GET", "HEAD", "POST"])
def product(request: HttpRequest, pk: int) -> HttpResponse:
    """What it is and what is in it. The button puts it into the basket."""
    found = get_object_or_404(products(), pk=pk)
    basket = Basket(request.session)
    form = BuyForm(_sent(request), held=basket.units_of(found))
    if form.is_valid():
        basket.set(found, form.cleaned_data["quantity"])
        name = format_html('<span lang="en">{}</span>', found)
        messages.success(request, format_html(_("“{product}” is in your basket."), product=name))
        return redirect("shop:basket")
    return render(request, "shop/product.html", {"product": found, "files": files_of(found), "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def basket(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """What will be bought; a POST to the address of a line changes its quantity."""
    basket = Basket(request.session)
    lines = []
    for line in basket.lines:
        sent = _sent(request) if line.variant.pk == pk else None
        form = UnitsForm(sent, initial={"quantity": line.quantity}, auto_id=f"{line.variant.pk}-%s")
        if form.is_valid():
            basket.set(line.variant, form.cleaned_data["quantity"])
            return redirect("shop:basket")
        lines.append((line, form))
    return render(request, "shop/basket.html", {"lines": lines, "total": basket.total})


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def checkout(request: HttpRequest) -> HttpResponse:
    """As a guest or as a customer. Sent twice, the form leads to the same order twice."""
    basket, customer = Basket(request.session), request.user if request.user.is_authenticated else None
    form = CheckoutForm(_sent(request), initial={"email": customer and customer.email, "key": uuid.uuid4()})
    complete = form.is_valid()
    if complete and (order := Order.objects.filter(checkout_key=form.cleaned_data["key"]).first()):
        return redirect(order)
    if not basket.lines:
        messages.info(request, _("Your basket is empty: there is nothing to pay for."))
        return redirect("shop:basket")
    if complete:
        order = place_order_once(
            form.cleaned_data["key"],
            store=current_store(),
            email=form.cleaned_data["email"],
            basket={line.variant: line.quantity for line in basket.lines},
            user=customer,
        )
        basket.clear()
        return redirect(order)
    return render(request, "shop/checkout.html", {"form": form, "lines": basket.lines, "total": basket.total})


@require_safe
@never_cache
def order(request: HttpRequest, number: str, token: str) -> HttpResponse:
    """Whoever has the address has the order: its token is a secret."""
    found = get_storefront().find_order(number, token)
    if not isinstance(found, Order) or found.completed_at is None:
        raise Http404
    return render(request, "shop/order.html", {"order": found, "purchase": purchased([found])[0]})


@require_safe
@never_cache
@login_required
def account(request: HttpRequest) -> HttpResponse:
    orders = get_storefront().orders_of(request.user).prefetch_related("line_items")
    return render(request, "shop/account.html", {"orders": orders})


class SignUp(CreateView):  # type: ignore[type-arg]
    template_name = "shop/sign_up.html"
    form_class = SignUpForm
    success_url = reverse_lazy("shop:account")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        login(self.request, self.object)
        return response


class LogIn(LoginView):
    template_name = "shop/log_in.html"
    next_page = "shop:account"


class ChangePassword(SuccessMessageMixin, PasswordChangeView):  # type: ignore[type-arg]
    template_name = "shop/password.html"
    success_url = reverse_lazy("shop:account")
    success_message = gettext_lazy("Your password was changed.")


def _sent(request: HttpRequest) -> Any:
    """What a form was filled in with; None to show it as it begins."""
    return request.POST if request.method == "POST" else None
