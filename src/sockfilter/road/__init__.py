"""Joins the stages from records to exchanges. No other code joins stages."""
