"""Django's classes that name their model to the type checker, and take no argument when the program runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.forms import models as forms

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as ModelAdmin
    from django.contrib.admin import TabularInline as TabularInline
    from django.forms import ModelForm as ModelForm
else:

    class _Subscriptable:
        def __class_getitem__(cls, model):
            return cls

    class ModelAdmin(_Subscriptable, admin.ModelAdmin):
        """`ModelAdmin[Person]` is Django's ModelAdmin."""

    class TabularInline(_Subscriptable, admin.TabularInline):
        """`TabularInline[ApiKey, Account]` is Django's TabularInline."""

    class ModelForm(_Subscriptable, forms.ModelForm):
        """`ModelForm[Person]` is Django's ModelForm."""
