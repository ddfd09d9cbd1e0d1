"""Answers in words: explanations, reasons, anomalies."""
