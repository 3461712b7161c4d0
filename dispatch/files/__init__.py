"""Restaurants, drivers and orders as CSV, in and out."""
