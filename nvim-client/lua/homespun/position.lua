--- LSP columns to byte columns, on every Neovim from 0.10 on.

local M = {}

---@param line string
---@param character integer column in the client's encoding
---@param encoding string 'utf-8', 'utf-16' or 'utf-32'
---@return integer byte 0-based, never beyond the line
function M.to_byte(line, character, encoding)
  if encoding == 'utf-8' then
    return math.min(character, #line)
  elseif vim.fn.has('nvim-0.11') == 1 then
    return vim.str_byteindex(line, encoding, character, false)
  end
  local ok, byte = pcall(vim.str_byteindex, line, character, encoding == 'utf-16')
  return ok and byte or #line
end

return M
