"""The search for how to smooth: what is searched, who proposes, what is dropped early, what came of it."""
