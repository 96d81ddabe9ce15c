"""Wake-ups by Celery: what a worker should look at next. Losing, doubling or delaying one changes nothing."""
