-- wrk: one message of 100 bytes per request. Producer 0 must be registered with topic T1.
wrk.method = "POST"
wrk.path = "/producer/produce"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"topic":"T1","producer_id":0,"message":"' .. string.rep("0123456789", 10) .. '"}'
