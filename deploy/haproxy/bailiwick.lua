-- Asks the gateway whether a request may pass, and refuses it as the gateway says otherwise.

local place = "http://127.0.0.1:9902/check"
local patience = 5000 -- milliseconds

-- The upstream gets these from the gateway alone.
local ours = { "x-auth-subject", "x-auth-client", "x-auth-scope", "authorization", "dpop" }

-- For one connection, or written here.
local left_out = {
  ["connection"] = true, ["keep-alive"] = true, ["proxy-connection"] = true, ["te"] = true,
  ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true, ["content-length"] = true,
  ["expect"] = true, ["host"] = true, ["http2-settings"] = true,
  ["x-forwarded-method"] = true, ["x-forwarded-host"] = true, ["x-forwarded-uri"] = true,
  ["date"] = true,
}

local function question(txn)
  local headers = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    if not left_out[name] then
      local list = {}
      for _, value in pairs(values) do
        table.insert(list, value)
      end
      headers[name] = list
    end
  end
  local target = txn.sf:url()
  -- HTTP/2 has the whole URI here.
  target = target:gsub("^%a[%w+.-]*://[^/?#]*", "", 1)
  headers["x-forwarded-method"] = { txn.sf:method() }
  headers["x-forwarded-uri"] = { target }
  headers["x-forwarded-host"] = {}
  for _, host in pairs(txn.http:req_get_headers()["host"] or {}) do
    table.insert(headers["x-forwarded-host"], host)
  end
  return headers, target
end

local function refuse(txn, answer)
  local reply = txn:reply()
  if answer and answer.status and answer.status >= 400 then
    reply:set_status(answer.status)
    for name, values in pairs(answer.headers or {}) do
      if not left_out[name] then
        for _, value in pairs(values) do
          reply:add_header(name, value)
        end
      end
    end
    if txn.sf:method() ~= "HEAD" then
      reply:set_body(answer.body or "")
    end
  else
    -- No answer: nothing passes.
    reply:set_status(503)
    reply:add_header("retry-after", "5")
  end
  txn:done(reply)
end

core.register_action("bailiwick", { "http-req" }, function(txn)
  local headers, target = question(txn)
  local asked, answer = pcall(function()
    return core.httpclient():get({ url = place, headers = headers, timeout = patience })
  end)
  if not asked or not answer or answer.status ~= 200 then
    refuse(txn, asked and answer or nil)
    return
  end
  -- What was checked is what is forwarded.
  txn.http:req_set_uri(target)
  for _, name in ipairs(ours) do
    txn.http:req_del_header(name)
    for _, value in pairs(answer.headers[name] or {}) do
      txn.http:req_add_header(name, value)
    end
  end
end, 0)
