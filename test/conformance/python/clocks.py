import datetime, time
print(abs(datetime.datetime.now().timestamp() - time.time()) < 30, time.time() > 1_700_000_000, time.process_time() < 60)
