-- wrk: a batch of 100 messages of 100 bytes per request, to the path of the first argument.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local message = '"' .. string.rep("0123456789", 10) .. '"'
local batch = message .. string.rep("," .. message, 99)
wrk.body = '{"topic":"T1","producer_id":0,"messages":[' .. batch .. "]}"

function init(arguments)
  wrk.path = arguments[1] or "/producer/produce"
end
