-- The same request again and again, and a line of counts.
function done(summary)
  local errors = summary.errors
  io.write(string.format("counts %d %d %d\n", summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
