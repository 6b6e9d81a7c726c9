// The networks of network_kernel.py for the GPU, with the same names, order of arguments and order of the arithmetic.
//
// A block of threads owns a stream. States and working memory stay in the card's memory, so that a network may be of any
// size. What a thread writes in one part of a step others read in the next: every part begins where all have come so far.

#include "cells_kernel.cuh"

__device__ void step_network(Plan plan, float *z, Room room) {
    __syncthreads();
    copy(room.fixed.data, room.inputs.data, room.inputs.shape[0]);
    add_flows(plan, false, nullptr, z, room.inputs.data);
    for (int c = 0; c < plan.cells.shape[0]; ++c) {
        step_cell(plan, c, room.inputs.data + plan.cells[c].data[INPUT_AT], z, room);
    }
}

__device__ void begin_frame(Plan plan, const float *drive, float *z, Room room) {
    int inputs = room.inputs.shape[0];
    __syncthreads();
    fill(room.fixed.data, 0.0f, inputs);
    add_flows(plan, true, drive, z, room.fixed.data);
    copy(room.fixed.data, room.inputs.data, inputs);
    add_flows(plan, false, nullptr, z, room.inputs.data);
    for (int c = 0; c < plan.cells.shape[0]; ++c) {
        begin_cell(plan, c, plan.cells[c].data[DRIVEN] ? room.fixed.data : room.inputs.data, z, room);
    }
}

// A field's width, which the places of the next one's beginning tell.
__device__ inline int width_of(const long long *fields, int k) { return (fields[k] - fields[k - 1]) / gridDim.x; }

__device__ void end_frame(Plan plan, float *z, float *out) {
    __syncthreads();
    for (int r = 0; r < plan.reads.shape[0]; ++r) {
        const long long *read = plan.reads[r].data;
        copy(row(z, read[0], read[2]), out + read[1], read[2]);
    }
    for (int d = 0; d < plan.delays.shape[0]; ++d) {
        const long long *delay = plan.delays[d].data;
        long long to = delay[1], frames = delay[2], units = delay[3], size = gridDim.x * units;
        for (int k = 1; k < frames; ++k) copy(row(z, to + k * size, units), row(z, to + (k - 1) * size, units), units);
        copy(row(z, delay[0], units), row(z, to + (frames - 1) * size, units), units);
    }
    for (int c = 0; c < plan.cells.shape[0]; ++c) {
        const long long *fields = plan.cells[c].data + FIELDS;
        for (int k = 1; k < plan.cells.shape[1] - FIELDS && fields[k] >= 0; ++k) {
            int units = width_of(fields, k);
            flush(row(z, fields[k - 1], units), smallest(plan.cells[c].data[KIND], k - 1), units);
        }
    }
}

// most: room for two numbers that all threads share. Those of floats that are not negative are ordered as their bits.
__device__ double largest_change(Plan plan, float *before, float *z, int *most) {
    __syncthreads();
    if (threadIdx.x == 0) {
        most[0] = 0;
        most[1] = __float_as_int(SMALLEST_POWER);
    }
    __syncthreads();
    for (int c = 0; c < plan.cells.shape[0]; ++c) {
        const long long *fields = plan.cells[c].data + FIELDS;
        for (int k = 1; k < plan.cells.shape[1] - FIELDS && fields[k] >= 0; ++k) {
            int units = width_of(fields, k);
            float *was = row(before, fields[k - 1], units), *now = row(z, fields[k - 1], units);
            EACH_UNIT(i) {
                atomicMax(most, __float_as_int(fabsf(now[i] - was[i])));
                atomicMax(most + 1, __float_as_int(fabsf(now[i])));
                was[i] = now[i];
            }
        }
    }
    __syncthreads();
    float change = __int_as_float(most[0]), largest = __int_as_float(most[1]);
    return change - change == 0.0f ? (double)change / largest : 1.0 / 0.0;
}

extern "C" __global__ void network_process(
    Array<float, 3> drive, Plan plan, int iterations, Room room, Array<float, 1> z, Array<float, 3> out
) {
    Room own = own_part(room);
    for (int f = 0; f < drive.shape[0]; ++f) {
        begin_frame(plan, row_of(drive, f), z.data, own);
        for (int n = 0; n < iterations; ++n) step_network(plan, z.data, own);
        end_frame(plan, z.data, row_of(out, f));
    }
}

extern "C" __global__ void network_settle(
    Array<float, 2> drive, Plan plan, int limit, double tolerance, Room room, Array<float, 1> before,
    Array<float, 1> z, Array<float, 2> out, Array<long long, 1> steps, Array<double, 1> residual
) {
    Room own = own_part(room);
    int *most = (int *)shared_memory();
    begin_frame(plan, drive[blockIdx.x].data, z.data, own);
    largest_change(plan, before.data, z.data, most);
    int taken = 0;
    double left = 1.0 / 0.0;
    while (taken < limit && !(left < tolerance)) {
        step_network(plan, z.data, own);
        ++taken;
        left = largest_change(plan, before.data, z.data, most);
    }
    if (threadIdx.x == 0) {
        steps[blockIdx.x] = taken;
        residual[blockIdx.x] = left;
    }
    end_frame(plan, z.data, out[blockIdx.x].data);
}
