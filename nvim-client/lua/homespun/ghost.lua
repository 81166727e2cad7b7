--- Ghost text of our own, for Neovim 0.10 and 0.11, which have no inline completion.
---
--- One suggestion per buffer at most. It stays while what is typed agrees with it, and is asked for anew when the
--- cursor rests elsewhere. A newer request cancels the older one. The text itself comes from the server.

local edit = require('homespun.edit')
local paint = require('homespun.paint')
local position = require('homespun.position')

local M = {}

local METHOD = 'textDocument/inlineCompletion'
local AUTOMATIC = 2 -- InlineCompletionTriggerKind in the protocol
local group = vim.api.nvim_create_augroup('homespun.ghost', { clear = true })

---@class homespun.Shown
---@field anchored homespun.Anchored?
---@field command table? the server's, run when all is accepted
---@field timer uv.uv_timer_t?
---@field request integer?

---@type table<integer, homespun.Shown>
local buffers = {}
local enabled = true
local debounce = 60

---@return integer row, integer col both 0-based, of the current window
local function cursor()
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  return row - 1, col
end

---@param buf integer
---@return vim.lsp.Client?
local function client_of(buf)
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = buf, name = 'homespun' })) do
    if client.server_capabilities.inlineCompletionProvider then
      return client
    end
  end
end

--- `client:request` is a method from 0.11 on and a plain function before.
local function call(client, name, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    return client[name](client, ...)
  end
  return client[name](...)
end

---@param buf integer
local function forget(buf)
  local shown = buffers[buf]
  if not shown then
    return
  end
  paint.hide(buf)
  shown.anchored, shown.command = nil, nil
  if shown.timer then
    shown.timer:stop()
  end
  local client = shown.request and client_of(buf)
  if client then
    call(client, 'cancel_request', shown.request)
  end
  shown.request = nil
end

--- Show what is left of the buffer's suggestion at the cursor.
---@param buf integer
---@return boolean fits
local function refresh(buf)
  local shown = buffers[buf]
  paint.hide(buf)
  local rest = shown.anchored and edit.rest(shown.anchored, buf, cursor())
  if not rest then
    shown.anchored = nil
    return false
  end
  paint.show(buf, rest, shown.anchored.replaces)
  return true
end

---@param buf integer
---@param item table InlineCompletionItem
---@param encoding string
---@return homespun.Anchored
local function anchor(buf, item, encoding)
  local row, col = cursor()
  if not item.range then
    return { text = item.insertText, row = row, col = col, replaces = 0 }
  end
  local first, last = item.range.start, item.range['end']
  local line = vim.api.nvim_buf_get_lines(buf, first.line, first.line + 1, false)[1] or ''
  local start = position.to_byte(line, first.character, encoding)
  local stop = last.line == first.line and position.to_byte(line, last.character, encoding) or start
  return { text = item.insertText, row = first.line, col = start, replaces = stop - start }
end

---@param buf integer
---@param tick integer the buffer's state when it was asked
---@param client vim.lsp.Client
---@param result table?
local function answer(buf, tick, client, result)
  local stale = vim.api.nvim_buf_get_changedtick(buf) ~= tick
  if stale or not enabled or buf ~= vim.api.nvim_get_current_buf() then
    return
  end
  if not vim.startswith(vim.api.nvim_get_mode().mode, 'i') then
    return
  end
  local item = (result and (result.items or result) or {})[1]
  local shown = buffers[buf]
  if not item or type(item.insertText) ~= 'string' then
    shown.anchored = nil
  else
    shown.anchored, shown.command = anchor(buf, item, client.offset_encoding), item.command
  end
  refresh(buf)
end

---@param buf integer
local function ask(buf)
  local client = client_of(buf)
  if not client or buf ~= vim.api.nvim_get_current_buf() then
    return
  end
  local shown, tick = buffers[buf], vim.api.nvim_buf_get_changedtick(buf)
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  params.context = { triggerKind = AUTOMATIC }
  local sent, id
  sent, id = call(client, 'request', METHOD, params, function(error, result)
    if shown.request == id then
      shown.request = nil
    end
    if not error and vim.api.nvim_buf_is_valid(buf) and buffers[buf] == shown then
      answer(buf, tick, client, result)
    end
  end, buf)
  shown.request = sent and id or nil
end

--- The text or the cursor moved: keep what still fits, else ask when it rests.
---@param buf integer
local function moved(buf)
  if not enabled or refresh(buf) then
    return
  end
  forget(buf)
  local shown = buffers[buf]
  shown.timer = shown.timer or vim.uv.new_timer()
  shown.timer:start(debounce, 0, vim.schedule_wrap(function()
    if buffers[buf] == shown and vim.startswith(vim.api.nvim_get_mode().mode, 'i') then
      ask(buf)
    end
  end))
end

---@param buf integer
local function detach(buf)
  forget(buf)
  local shown = buffers[buf]
  if shown and shown.timer then
    shown.timer:close()
  end
  buffers[buf] = nil
end

---@param options { debounce: integer }
function M.configure(options)
  debounce = options.debounce
end

---@param _ vim.lsp.Client
---@param buf integer
---@param on boolean
function M.attach(_, buf, on)
  enabled = on
  buffers[buf] = buffers[buf] or {}
  vim.api.nvim_clear_autocmds({ group = group, buffer = buf })
  local function on_event(events, callback)
    vim.api.nvim_create_autocmd(events, {
      group = group,
      buffer = buf,
      callback = function()
        if buffers[buf] then
          callback(buf)
        end
      end,
    })
  end
  on_event({ 'InsertEnter', 'TextChangedI', 'CursorMovedI', 'TextChangedP' }, moved)
  on_event({ 'InsertLeave', 'BufLeave' }, forget)
  on_event({ 'BufUnload' }, detach)
end

---@param _ vim.lsp.Client?
---@param on boolean
function M.switch(_, on)
  enabled = on
  for buf in pairs(buffers) do
    forget(buf)
  end
  local buf = vim.api.nvim_get_current_buf()
  if on and buffers[buf] and vim.startswith(vim.api.nvim_get_mode().mode, 'i') then
    moved(buf)
  end
end

---@param buf integer
---@param command table? the server's
---@param part homespun.Amount? where not all is taken: the request brings the server the text as it is now
local function tell_server(buf, command, part)
  local client = client_of(buf)
  if command and client then
    local params = { command = command.command, arguments = edit.said(command.arguments, part) }
    call(client, 'request', 'workspace/executeCommand', params, function() end, buf)
  end
end

---@param buf integer
---@param amount homespun.Amount
---@param otherwise fun() what the key does if the suggestion turns out not to fit
local function take(buf, amount, otherwise)
  local shown = buffers[buf]
  local command, taken = shown and shown.command, nil
  if shown and shown.anchored then
    taken, shown.anchored = edit.accept(shown.anchored, amount)
    refresh(buf)
  end
  if not taken then
    otherwise()
  else
    tell_server(buf, command, shown.anchored and amount or nil)
  end
end

---@param amount homespun.Amount
---@param otherwise fun() what the key does if the suggestion turns out not to fit
---@return boolean taken false if there is nothing to accept
function M.accept(amount, otherwise)
  local buf = vim.api.nvim_get_current_buf()
  local shown = buffers[buf]
  if not (shown and shown.anchored and edit.rest(shown.anchored, buf, cursor())) then
    return false
  end
  -- Later, because a buffer may not change while an <expr> mapping is evaluated; and keys typed at once before this
  -- one are inserted only after that evaluation, so whether the suggestion fits is known only then.
  vim.schedule(function()
    take(buf, amount, otherwise)
  end)
  return true
end

---@return boolean dismissed false if there was none
function M.dismiss()
  local buf = vim.api.nvim_get_current_buf()
  if not (buffers[buf] and buffers[buf].anchored) then
    return false
  end
  forget(buf)
  return true
end

return M
