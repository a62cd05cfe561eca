-- Asks with the bodies of a file in turn; requests are put together once.
local counter = 0

function setup(thread)
	thread:set("number", counter)
	counter = counter + 1
end

function init(args)
	requests, at = {}, 0
	for body in io.lines(bodies) do
		table.insert(requests, wrk.format(nil, nil, nil, body))
	end
	at = math.floor(#requests / threads) * number
end

function request()
	at = at % #requests + 1
	return requests[at]
end
