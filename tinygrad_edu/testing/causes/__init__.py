"""Why a derivative is wrong: patterns, and the line to blame."""
