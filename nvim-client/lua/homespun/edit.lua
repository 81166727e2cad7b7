--- Puts accepted text into a buffer. Knows nothing about servers, ghosts or keys.
---
--- A suggestion is anchored where the cursor was when it was asked for. By the time it is accepted more may have
--- been typed, so what is inserted is worked out from the buffer as it is now: that is the fault of Neovim's own
--- `accept`, which trusts the old range and leaves the letters typed since behind the suggestion.

local piece = require('homespun.piece')

local M = {}

---@class homespun.Anchored
---@field text string the whole suggestion, from the anchor on
---@field row integer 0-based
---@field col integer 0-based byte of the anchor
---@field replaces integer bytes after the anchor, on its line, that the suggestion replaces

--- What is left of a suggestion at the cursor, or nil once the typing has gone another way.
---@param anchored homespun.Anchored
---@param buf integer
---@param row integer 0-based
---@param col integer 0-based byte
---@return string?
function M.rest(anchored, buf, row, col)
  if row ~= anchored.row or col < anchored.col then
    return nil
  end
  local line = vim.api.nvim_buf_get_lines(buf, row, row + 1, false)[1] or ''
  local typed = line:sub(anchored.col + 1, col)
  if #typed >= #anchored.text or anchored.text:sub(1, #typed) ~= typed then
    return nil
  end
  return anchored.text:sub(#typed + 1)
end

--- Insert a part of what is left at the cursor of the current window, and move the cursor behind it.
--- What the suggestion replaces goes only with its last part.
---@param anchored homespun.Anchored
---@param amount homespun.Amount
---@return string? taken nil if the suggestion no longer fits; then nothing was changed
---@return homespun.Anchored? left what remains to be accepted, anchored at the new cursor
function M.accept(anchored, amount)
  local buf = vim.api.nvim_get_current_buf()
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  row = row - 1
  local rest = M.rest(anchored, buf, row, col)
  if not rest then
    return nil, nil
  end
  local taken = piece.of(rest, amount)
  local replaces = #taken == #rest and anchored.replaces or 0
  local line = vim.api.nvim_buf_get_lines(buf, row, row + 1, false)[1] or ''
  local lines = vim.split(taken, '\n', { plain = true })
  vim.o.undolevels = vim.o.undolevels -- closes the undo block: `u` takes back the suggestion, not the typing
  vim.api.nvim_buf_set_text(buf, row, col, row, math.min(col + replaces, #line), lines)
  local new_col = (#lines == 1 and col or 0) + #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { row + #lines, new_col })
  if #taken == #rest then
    return taken, nil
  end
  return taken,
    { text = rest:sub(#taken + 1), row = row + #lines - 1, col = new_col, replaces = anchored.replaces }
end

--- The arguments of the server's command, which goes back to it: of a part with what part it was.
---@param arguments table?
---@param part homespun.Amount?
---@return table?
function M.said(arguments, part)
  local first = (arguments or {})[1]
  if not part or type(first) ~= 'table' then
    return arguments
  end
  return { vim.tbl_extend('force', first, { part = part }) }
end

return M
