"""The only place that joins the stages: from records to exchanges."""
