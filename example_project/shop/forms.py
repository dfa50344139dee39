"""What customers type."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.forms import UserCreationForm
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from .basket import MOST_UNITS


class BuyForm(forms.Form):
    """How many more of a product, of which ``held`` are in the basket already."""

    quantity = forms.IntegerField(label=_("Quantity"), min_value=1, max_value=MOST_UNITS, initial=1)

    def __init__(self, *args: Any, held: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.held = held

    def clean_quantity(self) -> int:
        total: int = self.held + self.cleaned_data["quantity"]
        if total > MOST_UNITS:
            raise forms.ValidationError(
                _("There are %(held)d in your basket already, and one order takes %(most)d at most."),
                params={"held": self.held, "most": MOST_UNITS},
            )
        return total


class UnitsForm(forms.Form):
    """How many of a product in the basket."""

    quantity = forms.IntegerField(label=_("Quantity"), min_value=0, max_value=MOST_UNITS)


class CheckoutForm(forms.Form):
    email = forms.EmailField(
        max_length=254,
        label=_("E-mail"),
        help_text=_("Your download links are sent there."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    # Asked for as every shop does, then forgotten.
    card = forms.CharField(
        label=_("Card number"),
        max_length=30,
        initial="0000 0000 0000 0000",
        validators=[RegexValidator(r"\A[\d ]+\Z", _("Digits only, please. Any number works."))],
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)


class SignUpForm(UserCreationForm):  # type: ignore[type-arg]
    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "email"}))

    class Meta:
        model = get_user_model()
        fields = ("username", "email")
