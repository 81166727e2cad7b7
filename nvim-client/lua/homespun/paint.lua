--- Draws what is left of a suggestion as ghost text at the cursor. Knows nothing about where it came from.

local M = {}

local namespace = vim.api.nvim_create_namespace('homespun')

---@param buf integer
function M.hide(buf)
  vim.api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
end

---@param buf integer the current window's
---@param text string
---@param replaces integer bytes behind the cursor that go when the text is accepted
function M.show(buf, text, replaces)
  M.hide(buf)
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local virtual = {}
  for line in vim.gsplit(text, '\n', { plain = true }) do
    table.insert(virtual, { { line, 'HomespunGhost' } })
  end
  local line = vim.api.nvim_get_current_line()
  vim.api.nvim_buf_set_extmark(buf, namespace, row - 1, col, {
    virt_text = table.remove(virtual, 1),
    virt_lines = virtual,
    -- Over the text that goes away only if nothing that stays would be hidden.
    virt_text_pos = replaces > 0 and col + replaces >= #line and 'overlay' or 'inline',
    hl_mode = 'combine',
  })
end

function M.define_highlight()
  local hint = vim.fn.hlexists('ComplHint') == 1 and 'ComplHint' or 'Comment'
  vim.api.nvim_set_hl(0, 'HomespunGhost', { link = hint, default = true })
end

return M
