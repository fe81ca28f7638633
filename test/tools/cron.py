#!/usr/bin/env python3
"""Random cron expressions, zones and instants, with when they come next, found by trying one minute after the other.

    cron.py COUNT SEED      prints lines: expression, time zone, instant, next run (\\N: never), separated by tabs

Knows nothing of the extension: zones are zoneinfo's, and a clock is read at every minute.
"""
import random
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split()
WEEKDAYS = 'sun mon tue wed thu fri sat'.split()
FIELDS = [(0, 59, None), (0, 23, None), (1, 31, None), (1, 12, MONTHS), (0, 7, WEEKDAYS)]

# With a jump at midnight, of half an hour, of a day, backwards for Ramadan, negative daylight saving, none, and no names.
ZONES = '''UTC Europe/Berlin America/New_York America/Sao_Paulo Asia/Beirut Australia/Lord_Howe Pacific/Apia
    Africa/Casablanca Europe/Dublin Asia/Kolkata America/St_Johns Antarctica/Troll Asia/Gaza Pacific/Kwajalein'''.split()


def item(rng, least, most, names):
    """A random item of a list and the values that it stands for."""
    def word(value):
        return rng.choice([names[value - least], names[value - least].upper()]) if names and value - least < len(names) \
            and rng.random() < 0.4 else str(value)
    first = rng.randint(least, most)
    last = rng.randint(first, most)
    step = rng.randint(1, most // 2 + 1)
    return rng.choice([
        (word(first), [first]),
        (word(first) + '-' + word(last), range(first, last + 1)),
        (word(first) + '-' + word(last) + '/' + str(step), range(first, last + 1, step)),
        ('*/' + str(step), range(least, most + 1, step))])


def field(rng, least, most, names):
    """A random field and its values."""
    if rng.random() < 0.45:
        return '*', set(range(least, most + 1))
    items = [item(rng, least, most, names) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    return ','.join(words for words, _ in items), {value for _, values in items for value in values}


def has_day(fields, day):
    (_, _), (_, _), (dom_words, doms), (_, months), (dow_words, dows) = fields
    dom = day.day in doms
    dow = any(value % 7 == day.isoweekday() % 7 for value in dows)
    if day.month not in months:
        return False
    return dom and dow if dom_words.startswith('*') or dow_words.startswith('*') else dom or dow


def local_minutes(fields, begin):
    """The local minutes that the expression has, from one on, for 50 years."""
    minute = begin
    for _ in range(50 * 366):
        if has_day(fields, minute):
            day = minute.date()
            while minute.date() == day:
                if minute.minute in fields[0][1] and minute.hour in fields[1][1]:
                    yield minute
                minute += MINUTE
        else:
            minute = datetime.combine(minute.date() + DAY, datetime.min.time())


def shown(instant, zone):
    return instant.astimezone(zone).replace(tzinfo=None)


def next_run(fields, zone, after):
    """When a clock first shows a minute of the expression (or a later one, if it jumps), after an instant."""
    seen = max(shown(after - minutes * MINUTE, zone) for minutes in range(2 * 1440))
    for minute in local_minutes(fields, seen.replace(second=0, microsecond=0) + MINUTE):
        instant = minute.replace(tzinfo=timezone.utc) - timedelta(hours=16)
        while shown(instant, zone) < minute:
            instant += MINUTE
        return instant
    return None


def random_instant(rng, zone):
    """Half of them within two days of a change of the clocks."""
    instant = datetime(2000, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=rng.randrange(36 * 365 * 86400))
    if rng.random() < 0.5:
        for _ in range(400):
            later = instant + DAY
            if later.astimezone(zone).utcoffset() != instant.astimezone(zone).utcoffset():
                return instant + timedelta(seconds=rng.randrange(-86400, 86400))
            instant = later
    return instant


def main():
    rng = random.Random(int(sys.argv[2]))
    for _ in range(int(sys.argv[1])):
        fields = [field(rng, *limits) for limits in FIELDS]
        name = rng.choice(ZONES)
        zone = ZoneInfo(name)
        after = random_instant(rng, zone)
        if name == 'Pacific/Apia' and rng.random() < 0.3:
            after = datetime(2011, 12, 30, tzinfo=timezone.utc) + timedelta(seconds=rng.randrange(-86400, 86400))
        found = next_run(fields, zone, after)
        print(' '.join(words for words, _ in fields), name, after.isoformat(), found.isoformat() if found else r'\N', sep='\t')


main()
