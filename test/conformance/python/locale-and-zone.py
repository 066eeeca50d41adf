import locale, time, os, datetime
print(locale.setlocale(locale.LC_CTYPE), locale.setlocale(locale.LC_ALL, ""), locale.getpreferredencoding(False), locale.getlocale())
print(time.tzname, time.timezone, time.daylight, time.localtime(0)[:6], datetime.datetime.fromtimestamp(0).astimezone().tzinfo)
os.environ["TZ"] = "Europe/Berlin"; time.tzset(); print(time.tzname, time.localtime(0)[:6])
