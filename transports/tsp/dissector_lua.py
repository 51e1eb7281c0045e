"""The two parts of the Wireshark dissector that know no record: how a field of each sort is shown, and how messages are
found in the two streams (docs/protocol/tsp.md section 4). `transports.tsp.dissector` puts the layouts between them."""

from typing import Final

SHOWING: Final = """\
local tsp = Proto(NAME, "Terminal Service Protocol, version 1")
local declared = {}
local layouts = {}

-- The field of this name (declared when it is first asked for), and the last part of its name.
local function field(kind, path, ...)
  local name = path:match("[^.]+$")
  declared[path] = declared[path] or ProtoField[kind](NAME .. "." .. path, name, ...)
  return declared[path], name
end

-- A part of a layout is a table with `read(tvb, at, stop, tree, found)`: it shows what begins at `at`, notes it in
-- `found` (by name; what is worth a place in the Info column also as a list), and returns where it ends; nil: not all
-- of it is before `stop`.
local function read(parts, tvb, at, stop, tree, found)
  for _, part in ipairs(parts) do
    at = part.read(tvb, at, stop, tree, found)
    if not at then return nil end
  end
  return at
end

local function fixed(name, size, show)
  local function part_read(tvb, at, stop, tree, found)
    if at + size > stop then return nil end
    show(tvb(at, size), tree, found)
    return at + size
  end
  return { name = name, size = size, read = part_read }
end

local function behind_size(width, show)
  local function part_read(tvb, at, stop, tree, found)
    local first = at + width
    if first > stop then return nil end
    local size = tvb(at, width):le_uint()
    if first + size > stop then return nil end
    show(tvb(first, size), tree, found)
    return first + size
  end
  return { read = part_read }
end

local function note(found, name, value, shown)
  found[name] = value
  found[#found + 1] = name .. " " .. tostring(shown)
end

local function number(path, kind, size, names)
  local made, name = field(kind, path, base.DEC, names)
  local get = "le_" .. kind:match("^u?int") .. (size > 4 and "64" or "")
  local part = fixed(name, size, function(range, tree, found)
    local value = range[get](range)
    tree:add_le(made, range)
    note(found, name, value, names and names[value] or value)
  end)
  part.names = names
  return part
end

local function flag(path)
  local made, name = field("bool", path)
  return fixed(name, 1, function(range, tree, found)
    tree:add(made, range)
    note(found, name, range:uint() ~= 0, range:uint() ~= 0 and "yes" or "no")
  end)
end

local function bytes(path, size)
  local made, name = field("bytes", path)
  return fixed(name, size, function(range, tree, found)
    tree:add(made, range)
    found[name] = tostring(range:bytes())
  end)
end

local function version(path)
  local made, name = field("string", path)
  return fixed(name, 8, function(range, tree, found)
    local build = range(4, 4):le_uint()
    local shown = string.format("%d.%d.%d", range(0, 1):uint(), range(1, 1):uint(), range(2, 2):le_uint())
    if build ~= 0 then shown = string.format("%s+%d", shown, build) end
    tree:add(made, range, shown)
    note(found, name, shown, shown)
  end)
end

local function prefixed(path, width)
  local made = field("bytes", path)
  return behind_size(width, function(range, tree) tree:add(made, range) end)
end

local function text(path, width)
  local made = field("string", path)
  return behind_size(width, function(range, tree) tree:add_packet_field(made, range, ENC_UTF_8) end)
end

local function rest(path)
  local made = field("bytes", path)
  return { read = function(tvb, at, stop, tree)
    tree:add(made, tvb(at, stop - at))
    return stop
  end }
end

local function counted(path, kind, width, element)
  local count = number(path, kind, width)
  local function part_read(tvb, at, stop, tree, found)
    at = count.read(tvb, at, stop, tree, found)
    for _ = 1, at and found[count.name] or 0 do
      at = at and element.read(tvb, at, stop, tree, {})
    end
    return at
  end
  return { read = part_read }
end

local function nested(path, parts)
  local made = field("none", path)
  return { read = function(tvb, at, stop, tree)
    local item = tree:add(made, tvb(at, stop - at))
    local last = read(parts, tvb, at, stop, item, {})
    if last then item:set_len(last - at) end
    return last
  end }
end
"""

STREAMS: Final = """\

local crc = field("uint32", "frame.crc", base.HEX)
local ack_tree = field("none", "ack")
local ack_count = field("uint8", "ack.count", base.DEC, nil, 255 - ACK_LATER - ACK_MORE)
local ack_later = field("bool", "ack.later", 8, nil, ACK_LATER)
local ack_more = field("bool", "ack.more", 8, nil, ACK_MORE)
local ack_range = field("none", "ack.ranges")
local range_start = field("uint32", "ack.ranges.start", base.DEC)
local range_end = field("uint32", "ack.ranges.end", base.DEC)
local message_tree = field("none", "message")
local authentication = field("bytes", "message.authentication")
local surplus = field("bytes", "surplus")
local continued = field("bytes", "message.continued")
local unplaced = field("bytes", "unplaced")
local ends_early = ProtoExpert.new(
  NAME .. ".ends_early", "This ends before its layout does", expert.group.PROTOCOL, expert.severity.WARN)
local no_frame = ProtoExpert.new(
  NAME .. ".no_frame", "These bytes are not exactly one frame", expert.group.PROTOCOL, expert.severity.WARN)
local too_large = ProtoExpert.new(
  NAME .. ".too_large", "A message behind these bytes claims more than is allowed", expert.group.PROTOCOL, expert.severity.WARN)
tsp.fields = declared
tsp.experts = { ends_early, no_frame, too_large }

-- Numbers of a layout of fixed size, from a string.
local function numbers(parts, raw)
  local found, at = {}, 1
  for _, part in ipairs(parts) do
    local value, factor = 0, 1
    for place = at, at + part.size - 1 do
      value, factor = value + raw:byte(place) * factor, factor * 256
    end
    found[part.name], at = value, at + part.size
  end
  return found
end

local function name_of(parts, name, value)
  for _, part in ipairs(parts) do
    if part.name == name then return part.names[value] or string.format("%s %d", name, value) end
  end
end

-- Streams. In the first pass each stream learns where its messages are; `messages` is in order and without gaps, up to
-- `next`, the stream offset where the next header is expected. `pending` holds frames' bytes that are still needed:
-- for a header, or for a message of `open`, which is not whole yet. Of one-way messages only the beginning is collected.

local session, host_nonce, seen

function tsp.init()
  session, host_nonce, seen = { streams = {} }, nil, {}
end

-- The pending bytes at `at`, as many as one frame has of those before `stop`; nil: none.
local function piece_at(pending, at, stop)
  for _, piece in ipairs(pending) do
    if piece.offset <= at and at < piece.offset + #piece.bytes then
      return piece.bytes:sub(at - piece.offset + 1, stop - piece.offset)
    end
  end
end

-- Add to `got`, a list of pieces that ends at stream offset `got.at`; all of them when `stop` is reached, else nil.
local function collect(pending, got, stop)
  while got.at < stop do
    local piece = piece_at(pending, got.at, stop)
    if not piece then return nil end
    got[#got + 1], got.at = piece, got.at + #piece
  end
  return table.concat(got)
end

local function append(stream, head)
  local message = numbers(layouts.message, head)
  if message.body_size > MAX_BODY or message.authentication_size > MAX_AUTHENTICATION then
    stream.broken = true
    return
  end
  local size = MESSAGE_HEADER + message.authentication_size + message.body_size
  message.start, message.stop = stream.next, stream.next + size
  message.kept, message.got = size, { at = stream.next }
  if message.kind == ONE_WAY then
    message.kept = math.min(size, MESSAGE_HEADER + message.authentication_size + CHUNK_HEAD)
  end
  stream.next = message.stop
  stream.messages[#stream.messages + 1] = message
  stream.open[#stream.open + 1] = message
end

-- Take the bytes of a frame in; get the messages that it completes.
local function learn(stream, offset, data)
  stream.pending[#stream.pending + 1] = { offset = offset, bytes = data }
  while not stream.broken do
    local head = collect(stream.pending, { at = stream.next }, stream.next + MESSAGE_HEADER)
    if not head then break end
    append(stream, head)
  end
  local open, completed, pending = {}, {}, {}
  for _, message in ipairs(stream.open) do
    message.text = collect(stream.pending, message.got, message.start + message.kept)
    local list = message.text and completed or open
    list[#list + 1] = message
  end
  local needed = open[1] and open[1].got.at or stream.next
  for _, piece in ipairs(stream.pending) do
    if piece.offset + #piece.bytes > needed and not stream.broken then pending[#pending + 1] = piece end
  end
  stream.open, stream.pending = open, pending
  return completed
end

-- What is known of this packet: its stream, and the messages that became whole with it. Kept by number, so that later
-- passes, in whatever order, show the packet as part of the same session.
local function known_of(pinfo, offset, data)
  if not pinfo.visited or not seen[pinfo.number] then
    local streams, direction = session.streams, pinfo.p2p_dir
    streams[direction] = streams[direction] or { next = 0, messages = {}, open = {}, pending = {} }
    seen[pinfo.number] = { stream = streams[direction], completed = learn(streams[direction], offset, data) }
  end
  return seen[pinfo.number]
end

-- Messages to show with bytes `low` to `high` of the stream: those that lie there at least in part, and those completed.
local function concerned(known, low, high)
  local messages, found, listed = known.stream.messages, {}, {}
  local first, last = 1, #messages + 1
  while first < last do
    local middle = math.floor((first + last) / 2)
    if messages[middle].stop > low then last = middle else first = middle + 1 end
  end
  while messages[first] and messages[first].start < high do
    found[#found + 1], listed[messages[first]] = messages[first], true
    first = first + 1
  end
  for _, message in ipairs(known.completed) do
    if not listed[message] then found[#found + 1] = message end
  end
  table.sort(found, function(one, other) return one.start < other.start end)
  return found
end

local function title_of(message)
  local kind = name_of(layouts.message, "kind", message.kind)
  local title = name_of(layouts.message, "opcode", message.opcode) .. " " .. kind:lower():gsub("_", "-")
  if message.request_id ~= 0 then title = title .. string.format(" %d", message.request_id) end
  if message.kind == RESPONSE or message.status ~= 0 then
    title = title .. " " .. name_of(layouts.message, "status", message.status)
  end
  return title
end

local function layout_of(message)
  if message.status ~= 0 then return layouts.detail end
  return bodies[message.opcode] and bodies[message.opcode][message.kind] or {}
end

-- Show a layout that must fill the bytes up to `stop` (unless it is cut off there); get what was found.
local function show_exactly(parts, tvb, at, stop, cut, tree)
  local found = {}
  local last = read(parts, tvb, at, stop, tree, found)
  if not last and not cut then tree:add_proto_expert_info(ends_early) end
  if last and last < stop then tree:add(surplus, tvb(last, stop - last)) end
  return found, last == stop
end

-- A message from its header on, in the bytes `at` to `stop`, which are all of it unless it is cut; get the first numbers.
local function show_whole(message, tvb, at, stop, cut, item)
  local body = at + MESSAGE_HEADER + message.authentication_size
  read(layouts.message, tvb, at, stop, item, {})
  if message.authentication_size > 0 then
    item:add(authentication, tvb(at + MESSAGE_HEADER, message.authentication_size))
  end
  local found = show_exactly(layout_of(message), tvb, body, stop, cut, item)
  return #found > 0 and string.format(" (%s)", table.concat(found, ", ", 1, math.min(2, #found))) or ""
end

-- One message; `low` to `high` is what this frame has of it (nothing if they are equal), `origin` is where in `tvb` the
-- stream's offset 0 would be. Get its title.
local function show_message(message, tvb, origin, low, high, completed, tree)
  local title, values, item = title_of(message), "", nil
  local all_here = low == message.start and high == message.stop
  if low == message.start and high - low >= message.kept then
    item = tree:add(message_tree, tvb(origin + low, high - low))
    values = show_whole(message, tvb, origin + low, origin + high, not all_here, item)
  elseif completed then
    local whole = ByteArray.new(message.text, true):tvb("Message")
    item = tree:add(message_tree, whole())
    values = show_whole(message, whole, 0, message.kept, message.kept < message.stop - message.start, item)
  else
    item = tree:add(message_tree, tvb(origin + low, high - low))
  end
  if not all_here and high > low then item:add(continued, tvb(origin + low, high - low)) end
  if not all_here and not (completed and message.kept == message.stop - message.start) then
    values = values .. " (continued)"
  end
  item:set_text("Message: " .. title .. values)
  return title .. values
end

local function show_data(tvb, at, stop, pinfo, tree, header)
  local offset, size = header.offset, stop - at
  local origin, titles, completed = at - offset, {}, {}
  local known = known_of(pinfo, offset, tvb:raw(at, size))
  for _, message in ipairs(known.completed) do completed[message] = true end
  for _, message in ipairs(concerned(known, offset, offset + size)) do
    local low = math.min(math.max(message.start, offset), offset + size)
    local high = math.max(math.min(message.stop, offset + size), low)
    titles[#titles + 1] = show_message(message, tvb, origin, low, high, completed[message], tree)
  end
  local from = math.max(offset, known.stream.next)
  if from < offset + size then
    local item = tree:add(unplaced, tvb(origin + from, offset + size - from))
    if known.stream.broken then item:add_proto_expert_info(too_large) end
    titles[#titles + 1] = string.format("%d bytes of an unknown message", offset + size - from)
  end
  return string.format("seq %d offset %d len %d: %s", header.sequence, offset, size, table.concat(titles, ", "))
end

-- An unsigned number in groups of seven bits, the lowest first, and where it ends (LEB128; DWARF 5, 7.6).
local function leb128(tvb, at, stop)
  local value, factor = 0, 1
  for place = at, math.min(at + 5, stop) - 1 do
    local byte = tvb(place, 1):uint()
    value, factor = value + byte % 128 * factor, factor * 128
    if byte < 128 then return value, place + 1 end
  end
end

local function show_range(tvb, at, stop, before, tree)
  local gap, behind_gap = leb128(tvb, at, stop)
  local length, last
  if gap then length, last = leb128(tvb, behind_gap, stop) end
  if not length then return nil end
  local first = before + gap
  local item = tree:add(ack_range, tvb(at, last - at))
  item:add(range_start, tvb(at, behind_gap - at), first)
  item:add(range_end, tvb(behind_gap, last - behind_gap), first + length)
  item:set_text(string.format("ranges: %d to %d", first, first + length))
  return last, first + length, string.format("%d-%d", first, first + length)
end

-- An acknowledgement: where it ends (nil: it is none), and what it says.
local function show_ack(tvb, at, stop, tree)
  local found, start = {}, at
  local item = tree:add(ack_tree, tvb(at, stop - at))
  at = read(layouts.ack, tvb, at, stop, item, found)
  if not at then
    item:add_proto_expert_info(ends_early)
    return nil, "damaged"
  end
  for _, made in ipairs({ ack_count, ack_later, ack_more }) do item:add(made, tvb(at - 1, 1)) end
  local said = string.format("ack %d received %d limit %d", found.sequence, found.received, found.limit)
  local before, shown = found.received, nil
  for place = 1, found.flags % math.min(ACK_LATER, ACK_MORE) do
    at, before, shown = show_range(tvb, at, stop, before, item)
    if not at then
      item:add_proto_expert_info(ends_early)
      return nil, "damaged"
    end
    said = said .. (place == 1 and " ranges " or " ") .. shown
  end
  item:set_len(at - start)
  item:set_text("Acknowledgement: " .. said)
  return at, said
end

local function show_hello(tvb, at, stop, tree)
  local found, whole = show_exactly(layouts.hello, tvb, at, stop, false, tree)
  return found, whole, table.concat(found, ", ")
end

-- What each kind does with its payload; each gives the text behind the kind in the Info column.
local kinds = {}

kinds[HELLO] = function(tvb, at, stop, pinfo, tree)
  local found, whole, said = show_hello(tvb, at, stop, tree)
  if whole and not pinfo.visited then host_nonce = found.nonce end
  return said
end

-- A session begins with the WELCOME that answers the last HELLO, unless it only repeats the one that began this session.
kinds[WELCOME] = function(tvb, at, stop, pinfo, tree)
  local found, whole, said = show_hello(tvb, at, stop, tree)
  if whole and not pinfo.visited and (host_nonce or found.peer_nonce) == found.peer_nonce then
    local nonces = found.peer_nonce .. found.nonce
    if session.nonces ~= nonces then session = { nonces = nonces, streams = {} } end
  end
  return said
end

kinds[DATA] = show_data

kinds[ACK] = function(tvb, at, stop, _, tree)
  local last, said = show_ack(tvb, at, stop, tree)
  if last and last < stop then tree:add(surplus, tvb(last, stop - last)) end
  return said
end

kinds[DATA_ACK] = function(tvb, at, stop, pinfo, tree, header)
  local last, said = show_ack(tvb, at, stop, tree)
  if not last then return said end
  return show_data(tvb, last, stop, pinfo, tree, header) .. "; " .. said
end

local sides = { [P2P_DIR_SENT] = { "host", "terminal" }, [P2P_DIR_RECV] = { "terminal", "host" } }

function tsp.dissector(tvb, pinfo, tree)
  pinfo.cols.protocol = "TSP"
  local ends = sides[pinfo.p2p_dir]
  if ends then pinfo.cols.src, pinfo.cols.dst = ends[1], ends[2] end
  local root = tree:add(tsp, tvb())
  local size = tvb:len()
  local header = size >= FRAME_OVERHEAD and numbers(layouts.frame, tvb:raw(0, FRAME_HEADER))
  if not header or header.size + FRAME_OVERHEAD ~= size then
    pinfo.cols.info = "not exactly one frame"
    root:add_proto_expert_info(no_frame)
    return size
  end
  local stop = FRAME_HEADER + header.size
  read(layouts.frame, tvb, 0, FRAME_HEADER, root, {})
  local name = name_of(layouts.frame, "kind", header.kind)
  local said = kinds[header.kind] and kinds[header.kind](tvb, FRAME_HEADER, stop, pinfo, root, header)
  root:add_le(crc, tvb(stop, 4))
  root:append_text(", " .. name)
  pinfo.cols.info = said and name .. " " .. said or name
  return size
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, tsp)
"""
