"""Sparse matrices in CSR format with 32-bit indices, in scriptable torch."""

import torch
from torch import Tensor


def csr(starts: Tensor, columns: Tensor, values: Tensor, width: int) -> Tensor:
    """The CSR matrix [rows, width] whose row r has the entries starts[r] .. starts[r+1] of `columns` and `values`."""
    size = [starts.shape[0] - 1, width]
    starts, columns = starts.to(torch.int32), columns.to(torch.int32)
    return torch.sparse_csr_tensor(starts, columns, values, size=size, dtype=values.dtype, device=values.device)


def even_csr(columns: Tensor, values: Tensor, width: int) -> Tensor:
    """The CSR matrix [rows, width] with as many entries in every row: `columns` and `values` are [rows, entries]."""
    starts = torch.arange(columns.shape[0] + 1, device=columns.device) * columns.shape[1]
    return csr(starts, columns.reshape(-1), values.reshape(-1), width)


def single(matrix: Tensor) -> Tensor:
    """A CSR matrix in float32."""
    return csr(matrix.crow_indices(), matrix.col_indices(), matrix.values().to(torch.float32), matrix.shape[1])


def with_zeros(matrix: Tensor) -> Tensor:
    """A CSR matrix [n, n] as a dense one; duplicate entries are summed."""
    count = matrix.shape[0]
    starts, columns = matrix.crow_indices().to(torch.int64), matrix.col_indices().to(torch.int64)
    rows = torch.repeat_interleave(torch.arange(count, device=columns.device), starts[1:] - starts[:-1])
    table = torch.zeros([count * count], dtype=matrix.dtype, device=columns.device)
    return table.index_add(0, rows * count + columns, matrix.values()).view(count, count)
