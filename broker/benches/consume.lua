-- wrk: one message per request, of topic T1 for consumer 0, which must be subscribed and far behind.
wrk.method = "GET"
wrk.path = "/consumer/consume?topic=T1&consumer_id=0"
