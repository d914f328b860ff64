"""The laptop: the five services with all they need on one machine; the only folder that knows several of them."""
