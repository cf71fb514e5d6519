-- One request for each line of a file of tokens, again and again or once only, and a line of counts.
local requests, at = {}, 0

function init(arguments)
  for token in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("GET", nil, { Authorization = "Bearer " .. token })
  end
end

function request()
  at = at + 1
  if at > #requests then
    if #requests > 1 then wrk.thread:stop() end
    at = 1
  end
  return requests[at]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format("counts %d %d %d\n", summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
