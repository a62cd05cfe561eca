-- Trades refresh tokens: each answer's token is asked with later, in order.
-- The file holds the first tokens; each thread takes its share.
local counter = 0

function setup(thread)
	thread:set("number", counter)
	counter = counter + 1
end

function init(args)
	tokens, first, last = {}, 1, 0
	local line = 0
	for token in io.lines(bodies) do
		if line % threads == number then
			last = last + 1
			tokens[last] = token
		end
		line = line + 1
	end
end

function request()
	local token = tokens[first]
	tokens[first] = nil
	first = first + 1
	return wrk.format(nil, nil, nil, "grant_type=refresh_token&refresh_token=" .. (token or "none-left"))
end

function response(status, headers, body)
	local token = string.match(body, '"refresh_token":"([^"]+)"')
	if token then
		last = last + 1
		tokens[last] = token
	end
end
