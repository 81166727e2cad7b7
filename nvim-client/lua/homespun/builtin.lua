--- Suggestions through `vim.lsp.inline_completion`, which Neovim has from 0.12 on, with three of its faults mended:
---
--- * its `accept` applies the range of the moment it asked, so letters typed since stay behind as stray text: every
---   acceptance here goes through `on_accept` and our own edit;
--- * it does not cancel a request when the cursor moves on, and shows the late answer where nobody is any more: the
---   request is cancelled here;
--- * after a part was accepted it shows nothing until a new answer comes: what is left is kept and drawn here.

local edit = require('homespun.edit')
local paint = require('homespun.paint')

local M = {}

local METHOD = 'textDocument/inlineCompletion'
local group = vim.api.nvim_create_augroup('homespun.builtin', { clear = true })

---@class homespun.Left
---@field anchored homespun.Anchored
---@field item vim.lsp.inline_completion.Item

--- What is left after a part was accepted, until the server's next answer.
---@type table<integer, homespun.Left?>
local leftovers = {}

---@param buf integer
local function forget(buf)
  if leftovers[buf] then
    leftovers[buf] = nil
    paint.hide(buf)
  end
end

---@param buf integer
---@return string? rest nil if there is none, or if it no longer fits
local function rest_of(buf)
  local left = leftovers[buf]
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  return left and edit.rest(left.anchored, buf, row - 1, col)
end

---@param buf integer
local function refresh(buf)
  local rest = rest_of(buf)
  if rest then
    paint.show(buf, rest, leftovers[buf].anchored.replaces)
  else
    forget(buf)
  end
end

---@param item vim.lsp.inline_completion.Item
---@return homespun.Anchored
local function anchored(item)
  local row, col, end_row, end_col = item.range:to_extmark()
  return { text = item.insert_text, row = row, col = col, replaces = row == end_row and end_col - col or 0 }
end

--- The server's own note that a suggestion was taken.
---@param item vim.lsp.inline_completion.Item
---@param buf integer
---@param part homespun.Amount? where not all is taken: the request brings the server the text as it is now
local function tell_server(item, buf, part)
  local client = vim.lsp.get_client_by_id(item.client_id)
  if item.command and client then
    local said = { arguments = edit.said(item.command.arguments, part) }
    client:exec_cmd(vim.tbl_extend('force', item.command, said), { bufnr = buf })
  end
end

---@param left homespun.Left
---@param amount homespun.Amount
---@param otherwise fun() called if the typing has gone another way since the suggestion came
local function take(left, amount, otherwise)
  local buf = vim.api.nvim_get_current_buf()
  local taken, remains = edit.accept(left.anchored, amount)
  leftovers[buf] = remains and { anchored = remains, item = left.item }
  refresh(buf)
  if not taken then
    otherwise()
  else
    tell_server(left.item, buf, remains and amount or nil)
  end
end

--- A newer place makes an older question void.
---@param buf integer
local function cancel_requests(buf)
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = buf, name = 'homespun' })) do
    for id, request in pairs(client.requests) do
      if request.bufnr == buf and request.method == METHOD and request.type == 'pending' then
        client:cancel_request(id)
      end
    end
  end
end

---@param buf integer
local function watch(buf)
  vim.api.nvim_clear_autocmds({ group = group, buffer = buf })
  local function on_event(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = buf, callback = callback })
  end
  on_event({ 'CursorMovedI', 'TextChangedP' }, function()
    cancel_requests(buf)
    if leftovers[buf] then
      refresh(buf)
    end
  end)
  on_event({ 'InsertLeave', 'BufLeave' }, function()
    forget(buf)
  end)
  on_event('LspRequest', function(event)
    local request = event.data.request
    if request.method == METHOD and request.type == 'complete' then
      forget(buf) -- the new answer is drawn by Neovim
    end
  end)
end

---@param client vim.lsp.Client
---@param buf integer
---@param on boolean
function M.attach(client, buf, on)
  watch(buf)
  vim.lsp.inline_completion.enable(true, { bufnr = buf })
  if not on then
    vim.lsp.inline_completion.enable(false, { client_id = client.id })
  end
end

---@param client vim.lsp.Client?
---@param on boolean
function M.switch(client, on)
  for buf in pairs(leftovers) do
    forget(buf)
  end
  if client then
    vim.lsp.inline_completion.enable(on, { client_id = client.id })
  end
end

---@param amount homespun.Amount
---@param otherwise fun() what the key does if the suggestion turns out not to fit
---@return boolean taken false if there is nothing to accept
function M.accept(amount, otherwise)
  local buf = vim.api.nvim_get_current_buf()
  if rest_of(buf) then
    -- A buffer may not change while an <expr> mapping is evaluated.
    vim.schedule(function()
      if leftovers[buf] then
        take(leftovers[buf], amount, otherwise)
      end
    end)
    return true
  end
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      if type(item.insert_text) ~= 'string' or not item.range then
        return item -- another server's snippet: Neovim knows how to expand it
      end
      take({ anchored = anchored(item), item = item }, amount, otherwise)
    end,
  })
end

--- Take the suggestion away. For Neovim's own, an acceptance that takes nothing is the one way.
---@return boolean dismissed false if there was none
function M.dismiss()
  local buf = vim.api.nvim_get_current_buf()
  local had = leftovers[buf] ~= nil
  forget(buf)
  return vim.lsp.inline_completion.get({ on_accept = function() end }) or had
end

return M
