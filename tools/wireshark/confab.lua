-- Wireshark dissectors for the plaintext wires of Confab: TCRP, UCRP, stage 1 and bridge.
-- Layouts: docs/wires/*.md. Held against the golden vectors by test/tools/wireshark.test.ts.

local OPERATIONS = { [1] = "create", [2] = "join" }
local STATES = { [0] = "request", [1] = "response", [2] = "complete" }
local DELIVERY_TYPES = { [1] = "chat", [2] = "system", [3] = "join", [4] = "leave" }
local STAGE1_TYPES = { [0] = "chat", [1] = "join", [2] = "system", [3] = "heartbeat", [4] = "disconnect", [5] = "ping" }
local CLOSED = "__ROOM_CLOSED__"
local PAYLOAD_BYTES_MAX = 65536
local NAME_BYTES_MAX = 255

-- A protocol with its fields, the two complaints that each of them has, and the ports on which its server listens: these
-- also tell which way a packet goes. They can be set in the protocol's preferences.
local function new_wire(name, description, fields, default_ports)
  local proto = Proto(name, description)
  local list = {}
  for _, field in pairs(fields) do list[#list + 1] = field end
  proto.fields = list
  local wire = {
    proto = proto,
    cut_short = ProtoExpert.new(name .. ".cut_short", "Bytes are missing", expert.group.MALFORMED, expert.severity.WARN),
    unreadable = ProtoExpert.new(name .. ".unreadable", "Not read", expert.group.MALFORMED, expert.severity.WARN),
    ports = {},
  }
  proto.experts = { wire.cut_short, wire.unreadable }
  for transport, ports in pairs(default_ports) do
    proto.prefs[transport .. "_ports"] = Pref.range(transport:upper() .. " ports", ports, "Where servers listen", 65535)
    wire.ports[transport] = ports
  end
  -- Called once the protocol has its dissector.
  function wire.register(change)
    for transport, ports in pairs(wire.ports) do
      local port_table = DissectorTable.get(transport .. ".port")
      if change == "add" then port_table:add(ports, proto) else port_table:remove(ports, proto) end
    end
  end
  function proto.prefs_changed()
    wire.register("remove")
    for transport in pairs(wire.ports) do wire.ports[transport] = proto.prefs[transport .. "_ports"] end
    wire.register("add")
  end
  return wire
end

-- Whether the sender's port is one of the server's.
local function is_from_server(wire, pinfo)
  for _, ports in pairs(wire.ports) do
    for part in ports:gmatch("[^,%s]+") do
      local first, last = part:match("^(%d+)%-(%d+)$")
      first, last = tonumber(first or part), tonumber(last or part)
      if pinfo.src_port >= first and pinfo.src_port <= last then return true end
    end
  end
  return false
end

-- Takes a unit apart, field after field, and marks what is cut short; the twin of FieldWriter in packages/wire.
local Cursor = {}
Cursor.__index = Cursor

function Cursor.new(buffer, tree, wire)
  return setmetatable({ buffer = buffer, tree = tree, at = 0, wire = wire }, Cursor)
end

function Cursor:left() return self.buffer:len() - self.at end

function Cursor:range(wanted)
  local length = math.min(wanted, self:left())
  if length <= 0 then return nil end
  local range = self.buffer(self.at, length)
  self.at = self.at + length
  return range, length < wanted
end

-- A big-endian number of any size; nil when it is not all there. Shown as at most 2^32 - 1.
function Cursor:number(wanted, field)
  local range, is_cut = self:range(wanted)
  if range == nil then return nil end
  local value = 0
  for index = 0, range:len() - 1 do value = value * 256 + range(index, 1):uint() end
  local item = self.tree:add(field, range, math.min(value, 4294967295))
  if is_cut then
    item:add_proto_expert_info(self.wire.cut_short)
    return nil
  end
  return value
end

-- UTF-8 text, or all the rest; its bytes as a Lua string.
function Cursor:text(wanted, field)
  local range, is_cut = self:range(wanted or self:left())
  if range == nil then return "" end
  local item = self.tree:add(field, range, range:string(ENC_UTF_8))
  if is_cut then item:add_proto_expert_info(self.wire.cut_short) end
  return range:raw()
end

-- What follows the unit, or is none.
function Cursor:rest(field)
  local range = self:range(self:left())
  if range ~= nil then self.tree:add(field, range):add_proto_expert_info(self.wire.unreadable) end
end

local function is_known(names, number) return names[number] ~= nil end

local function number_at(buffer, at, length)
  local value = 0
  for index = at, at + length - 1 do value = value * 256 + buffer(index, 1):uint() end
  return value
end

---------------------------------------------------------------------------------------------------------------- TCRP

local tcrp_fields = {
  room_length = ProtoField.uint8("tcrp.room_length", "Room length"),
  operation = ProtoField.uint8("tcrp.operation", "Operation", base.DEC, OPERATIONS),
  state = ProtoField.uint8("tcrp.state", "State", base.DEC, STATES),
  payload_length = ProtoField.uint32("tcrp.payload_length", "Payload length"),
  room = ProtoField.string("tcrp.room", "Room"),
  payload = ProtoField.string("tcrp.payload", "Payload"),
  rest = ProtoField.bytes("tcrp.rest", "Not read"),
}
local tcrp = new_wire("tcrp", "TCRP: chat rooms over TCP", tcrp_fields, { tcp = "9090,12346" })

-- Header size and payload length; nil when more bytes are needed to tell 31 from 32 (docs/wires/tcrp.md, "Layouts").
local function tcrp_header(buffer)
  local available = buffer:len()
  if available < 32 then return nil end
  local length31, length32 = number_at(buffer, 3, 28), number_at(buffer, 3, 29)
  if length31 < 3 or length31 > PAYLOAD_BYTES_MAX or buffer(31, 1):uint() < 0x20 then return 32, length32 end
  local start = 31 + buffer(0, 1):uint()
  if available <= start then return nil end
  local first = buffer(start, 1):uint()
  if first ~= 0x22 and first ~= 0x7b then return 32, length32 end
  if available < start + length31 then return nil end
  local last = buffer(start + length31 - 1, 1):uint()
  if last == (first == 0x22 and 0x22 or 0x7d) then return 31, length31 end
  return 32, length32
end

local function tcrp_frame(buffer, pinfo, root)
  local tree = root:add(tcrp.proto, buffer())
  local cursor = Cursor.new(buffer, tree, tcrp)
  return tree, cursor
end

local function tcrp_info(pinfo, operation, state, room)
  pinfo.cols.info:append(string.format(" %s %s %s", OPERATIONS[operation] or "?", STATES[state] or "?", room))
end

function tcrp.proto.dissector(buffer, pinfo, root)
  pinfo.cols.protocol = "TCRP"
  pinfo.cols.info = is_from_server(tcrp, pinfo) and "Answer" or "Request"
  local at = 0
  while at < buffer:len() do
    local left = buffer(at):tvb()
    local available = left:len()
    local function wait()
      pinfo.desegment_offset = at
      pinfo.desegment_len = DESEGMENT_ONE_MORE_SEGMENT
    end
    if available < 3 then return wait() end
    local b0, b1, b2 = left(0, 1):uint(), left(1, 1):uint(), left(2, 1):uint()
    if b0 > 0 and is_known(OPERATIONS, b1) and is_known(STATES, b2) then
      local header, payload_length = tcrp_header(left)
      if header == nil then return wait() end
      local is_refused = payload_length > PAYLOAD_BYTES_MAX
      local size = is_refused and available or header + b0 + payload_length
      if size > available then
        pinfo.desegment_offset = at
        pinfo.desegment_len = size - available
        return
      end
      local tree, cursor = tcrp_frame(left(0, size):tvb(), pinfo, root)
      cursor:number(1, tcrp_fields.room_length)
      cursor:number(1, tcrp_fields.operation)
      cursor:number(1, tcrp_fields.state)
      cursor:number(header - 3, tcrp_fields.payload_length)
      local room = cursor:text(b0, tcrp_fields.room)
      if is_refused then cursor:rest(tcrp_fields.rest) else cursor:text(payload_length, tcrp_fields.payload) end
      tree:append_text(string.format(", %s, %s", OPERATIONS[b1], STATES[b2]))
      tcrp_info(pinfo, b1, b2, room)
      at = at + size
    elseif b0 > 0 and b1 >= 0x20 then
      -- Name first: without a length, the payload is what this segment holds.
      local _, cursor = tcrp_frame(left, pinfo, root)
      cursor:number(1, tcrp_fields.room_length)
      local room = cursor:text(b0, tcrp_fields.room)
      local operation = cursor:number(1, tcrp_fields.operation)
      local state = cursor:number(1, tcrp_fields.state)
      cursor:text(nil, tcrp_fields.payload)
      tcrp_info(pinfo, operation, state, room)
      return
    else
      local _, cursor = tcrp_frame(left, pinfo, root)
      cursor:rest(tcrp_fields.rest)
      return
    end
  end
end

---------------------------------------------------------------------------------------------------------------- UCRP

local ucrp_fields = {
  room_length = ProtoField.uint32("ucrp.room_length", "Room length"),
  token_length = ProtoField.uint32("ucrp.token_length", "Token length"),
  room = ProtoField.string("ucrp.room", "Room"),
  token = ProtoField.string("ucrp.token", "Token"),
  type = ProtoField.uint8("ucrp.type", "Type", base.DEC, DELIVERY_TYPES),
  user_length = ProtoField.uint32("ucrp.user_length", "User length"),
  sender_length = ProtoField.uint32("ucrp.sender_length", "Sender length"),
  message_length = ProtoField.uint32("ucrp.message_length", "Message length"),
  user = ProtoField.string("ucrp.user", "User"),
  sender = ProtoField.string("ucrp.sender", "Sender"),
  message = ProtoField.string("ucrp.message", "Message"),
  room_closed = ProtoField.string("ucrp.room_closed", "Room closed"),
  rest = ProtoField.bytes("ucrp.rest", "Not read"),
}
local ucrp = new_wire("ucrp", "UCRP: chat over UDP", ucrp_fields, { udp = "9091,12347" })

local function ucrp_request(buffer, cursor)
  local message
  if buffer:len() >= 2 and number_at(buffer, 0, 2) == 0 then
    cursor:text(cursor:number(4, ucrp_fields.room_length) or 0, ucrp_fields.room)
    cursor:text(cursor:number(4, ucrp_fields.token_length) or 0, ucrp_fields.token)
    message = cursor:text(cursor:number(4, ucrp_fields.message_length) or 0, ucrp_fields.message)
    cursor:rest(ucrp_fields.rest)
  else
    local room = cursor:number(1, ucrp_fields.room_length)
    local token = cursor:number(1, ucrp_fields.token_length)
    cursor:text(room or 0, ucrp_fields.room)
    cursor:text(token or 0, ucrp_fields.token)
    message = cursor:text(nil, ucrp_fields.message)
  end
  if message == "__REGISTER__" then return "Register" end
  return message == "__LEAVE__" and "Leave" or "Chat"
end

-- Whether lengths of four bytes fit the whole datagram; then whether a type and lengths of one byte do.
local function ucrp_is_wide(buffer)
  if buffer:len() < 8 then return false end
  local user = number_at(buffer, 0, 4)
  if user > NAME_BYTES_MAX or buffer:len() < 8 + user then return false end
  return 8 + user + number_at(buffer, 4 + user, 4) == buffer:len()
end

local function ucrp_is_typed(buffer)
  if buffer:len() < 3 or not is_known(DELIVERY_TYPES, buffer(0, 1):uint()) then return false end
  return 3 + buffer(1, 1):uint() + buffer(2, 1):uint() == buffer:len()
end

local function ucrp_delivery(buffer, cursor)
  if buffer:len() == #CLOSED and buffer():raw() == CLOSED then
    cursor:text(nil, ucrp_fields.room_closed)
    return "Room closed"
  elseif ucrp_is_wide(buffer) then
    cursor:text(cursor:number(4, ucrp_fields.sender_length), ucrp_fields.sender)
    cursor:text(cursor:number(4, ucrp_fields.message_length), ucrp_fields.message)
  elseif ucrp_is_typed(buffer) then
    cursor:number(1, ucrp_fields.type)
    local user = cursor:number(1, ucrp_fields.user_length)
    local message = cursor:number(1, ucrp_fields.message_length)
    cursor:text(user, ucrp_fields.user)
    cursor:text(message, ucrp_fields.message)
  else
    cursor:text(cursor:number(1, ucrp_fields.sender_length) or 0, ucrp_fields.sender)
    cursor:text(nil, ucrp_fields.message)
  end
  return "Delivery"
end

function ucrp.proto.dissector(buffer, pinfo, root)
  pinfo.cols.protocol = "UCRP"
  local tree = root:add(ucrp.proto, buffer())
  local dissect = is_from_server(ucrp, pinfo) and ucrp_delivery or ucrp_request
  local what = dissect(buffer, Cursor.new(buffer, tree, ucrp))
  tree:append_text(", " .. what)
  pinfo.cols.info = what
end

------------------------------------------------------------------------------------------------------------- stage 1

local stage1_fields = {
  type = ProtoField.uint8("stage1.type", "Type", base.DEC, STAGE1_TYPES),
  user_name_length = ProtoField.uint8("stage1.user_name_length", "User name length"),
  user_name = ProtoField.string("stage1.user_name", "User name"),
  message = ProtoField.string("stage1.message", "Message"),
}
local stage1 = new_wire("stage1", "Stage 1 broadcast chat", stage1_fields, { udp = "12345" })

function stage1.proto.dissector(buffer, pinfo, root)
  pinfo.cols.protocol = "Stage 1"
  local tree = root:add(stage1.proto, buffer())
  local cursor = Cursor.new(buffer, tree, stage1)
  local what = "chat"
  -- By itself a datagram does not always tell its layout; an address keeps that of its first one.
  local first = buffer(0, 1):uint()
  local is_typed = is_known(STAGE1_TYPES, first) and buffer:len() >= 2 and 2 + buffer(1, 1):uint() <= buffer:len()
  if is_typed then
    cursor:number(1, stage1_fields.type)
    what = STAGE1_TYPES[first]
  end
  cursor:text(cursor:number(1, stage1_fields.user_name_length) or 0, stage1_fields.user_name)
  cursor:text(nil, stage1_fields.message)
  tree:append_text(", " .. what)
  pinfo.cols.info = what
end

-------------------------------------------------------------------------------------------------------------- bridge

local bridge_fields = {
  packet = ProtoField.string("bridge.packet", "Packet"),
  client_id = ProtoField.string("bridge.client_id", "Client id"),
  ip = ProtoField.string("bridge.ip", "IP"),
  port = ProtoField.string("bridge.port", "Port"),
  line = ProtoField.string("bridge.line", "Line"),
  ending = ProtoField.string("bridge.end", "End"),
}
local bridge = new_wire("bridge", "Bridge: rendezvous for direct chat", bridge_fields, { tcp = "7000", udp = "7001" })
local bridge_names = { clientid = bridge_fields.client_id, ip = bridge_fields.ip, port = bridge_fields.port }

function bridge.proto.dissector(buffer, pinfo, root)
  pinfo.cols.protocol = "Bridge"
  local tree = root:add(bridge.proto, buffer())
  local cursor = Cursor.new(buffer, tree, bridge)
  local bytes = buffer():raw()
  local at = 1
  while at <= #bytes do
    local line_end = bytes:find("\n", at, true) or #bytes
    local line = bytes:sub(at, line_end)
    local name = line:match("^([%w_-]+)%s*:")
    local field = name and bridge_names[name:lower()] or bridge_fields.line
    if at == 1 then
      field = bridge_fields.packet
      pinfo.cols.info = line:gsub("%s+$", "")
      tree:append_text(", " .. line:gsub("%s+$", ""))
    elseif line:match("^[\r\n]*$") then
      field = bridge_fields.ending
    end
    cursor:text(#line, field)
    at = line_end + 1
  end
end

for _, wire in ipairs({ tcrp, ucrp, stage1, bridge }) do wire.register("add") end
