// The networks of network_kernel.py for the GPU, with the same names, order of arguments and order of the arithmetic, but
// for the sums of dense flows, which are a warp's.
//
// A block of threads owns a stream. States and working memory stay in the card's memory, so that a network may be of any
// size. What a thread writes in one part of a step others read in the next: every part begins where all have come so far.

#include "lca_kernel.cuh"
#include "wta_kernel.cuh"
#include "divisive.cuh"
#include "harmonic_fields.cuh"
#include "solvers_kernel.cuh"

#define EACH_OF_WARP(i, last) for (int i = threadIdx.x / WARP; i < last; i += blockDim.x / WARP)

__device__ inline void fill(float *row, float value, int units) { EACH_UNIT(i) row[i] = value; }

// This block's stream's part of a state (streams, width).
__device__ inline float *row(float *memory, long long at, long long width) { return memory + at + blockIdx.x * width; }

// By a warp, in its first thread.
__device__ inline float weighted_sum(const float *row, const float *values, int count) {
    float sum = 0.0f;
    for (int k = threadIdx.x % WARP; k < count; k += WARP) sum += row[k] * values[k];
    return warp_sum(sum);
}

__device__ void add_flow(Plan plan, const long long *flow, const float *source, float *inputs) {
    const float *weight = plan.parameters.data + flow[WEIGHT_AT];
    float gain = *weight++, *target = inputs + flow[TARGET_AT];
    int units = flow[TARGETS], sources = flow[SOURCES];
    if (flow[FLOW_KIND] == ONE_TO_ONE) {
        EACH_UNIT(j) target[j] += gain * source[j];
    } else if (flow[FLOW_KIND] == DENSE) {
        EACH_OF_WARP(j, units) {
            float sum = weighted_sum(weight + (long long)j * sources, source, sources);
            if (threadIdx.x % WARP == 0) target[j] += gain * sum;
        }
    } else {
        const long long *start = plan.numbers.data + flow[INDEX_AT], *column = start + units + 1;
        EACH_UNIT(j) {
            float total = 0.0f;
            for (long long k = start[j]; k < start[j + 1]; ++k) total += weight[k] * source[column[k]];
            target[j] += gain * total;
        }
    }
    __syncthreads();
}

__device__ void add_flows(Plan plan, bool external, const float *drive, float *z, float *inputs) {
    __syncthreads();
    for (int i = 0; i < plan.flows.shape[0]; ++i) {
        const long long *flow = plan.flows[i].data;
        if ((flow[EXTERNAL] == 1) == external) {
            long long at = flow[SOURCE_AT], size = flow[SOURCES];
            add_flow(plan, flow, external ? drive + at : row(z, at, size), inputs);
        }
    }
}

__device__ void begin_cell(Plan plan, const long long *cell, const float *inputs, float *z, Room room) {
    const long long *at = cell + PARAMS, *to = cell + FIELDS;
    const float *p = plan.parameters.data;
    int kind = cell[KIND], units = cell[UNITS];
    if (kind > LCADAM) return;
    float *level = room.row.data;
    if (kind == LCA) {
        fill(level, 1.0f, units);
    } else {
        level = row(z, to[kind == LCA_RMS ? 3 : 4], units);
        const float *last = p + at[kind == LCA_RMS ? 7 : 8];
        track_level(
            inputs + cell[INPUT_AT], {(int)last[0], last[1]}, level, room.other_row.data, room.sums.data, units
        );
    }
    const float *retention = p + at[1];
    carry(retention, p + at[0], p[at[3]] != 0.0f, level, row(z, to[0], units), row(z, to[1], units), units);
    if (kind == LCADAM) {
        float *m = row(z, to[2], units);
        EACH_UNIT(i) m[i] *= retention[i];
    }
}

__device__ void step_lca(Plan plan, const long long *cell, const float *drive, float *z, Room room) {
    const long long *at = cell + PARAMS, *to = cell + FIELDS;
    float *p = plan.parameters.data, *threshold = p + at[0];
    int kind = cell[KIND], units = cell[UNITS], hard = p[at[3]] != 0.0f;
    Array<float, 2> band = {p + at[2], {units, cell[EXTRA]}};
    float *u = row(z, to[0], units), *a = row(z, to[1], units), *du = room.row.data;
    if (kind == LCA) {
        lca_step(drive, band, threshold, hard, p[at[4]], u, a, du, units);
    } else if (kind == LCA_RMS) {
        RmsMoments moments = {p[at[4]], p[at[5]], p[at[6]]};
        float *level = row(z, to[3], units), *v = row(z, to[2], units);
        lca_rms_step(drive, band, threshold, hard, moments, level, u, v, a, du, units);
    } else {
        AdamMoments moments = {p[at[4]], p[at[5]], p[at[6]], p[at[7]]};
        float *level = row(z, to[4], units), *m = row(z, to[2], units), *v = row(z, to[3], units);
        lcadam_step(drive, band, threshold, hard, moments, level, u, m, v, a, du, units);
    }
}

__device__ void step_circuit(Plan plan, const long long *cell, const float *drive, float *z, Room room) {
    const long long *at = cell + PARAMS, *to = cell + FIELDS;
    float *p = plan.parameters.data;
    long long units = cell[UNITS], *numbers = plan.numbers.data;
    Circuit circuit = {p[at[1]], p[at[2]], p[at[3]], p[at[4]]};
    float *x = row(z, to[0], units), inhibition_threshold = p[at[5]], rate = p[at[6]];
    if (cell[KIND] == WTA) {
        float *x_n = row(z, to[1], 1);
        wta_step(drive, circuit, p + at[0], inhibition_threshold, rate, x, x_n, room.sums.data, units);
    } else {
        long long axes = cell[EXTRA], *widths = numbers + at[8];
        WtaRule rule = {
            circuit, {p + at[0], {units}}, inhibition_threshold, rate, {numbers + at[7], {axes}},
            {widths, {axes, (at[9] - at[8]) / axes}}, numbers[at[9]] != 0,
        };
        float *window = room.row.data, *inhibition = room.other_row.data;
        wtaconv_step(drive, rule, x, row(z, to[1], units), room.sums.data, window, inhibition, units);
    }
}

__device__ void step_divisive(Plan plan, const long long *cell, const float *drive, float *z, Room room) {
    const long long *at = cell + PARAMS, *to = cell + FIELDS;
    const long long *start = plan.numbers.data + at[6], *unit = plan.numbers.data + at[7];
    const float *p = plan.parameters.data, *weight = p + at[0];
    int units = cell[UNITS], inputs = cell[EXTRA];
    DivisiveGains gains = {p[at[2]], p[at[3]], p[at[4]], p[at[5]]};
    float *a = row(z, to[0], units), *support = row(z, to[1], units);
    float *before = room.row.data;
    expect(start, unit, weight, a, before, inputs);
    share(drive, start, unit, weight, p + at[1], gains, before, a, support, inputs, units, true);
    expect(start, unit, weight, a, row(z, to[2], inputs), inputs);
}

__device__ FieldRule harmonic_rule(Plan plan, const long long *cell) {
    const long long *at = cell + PARAMS;
    float *p = plan.parameters.data;
    return {{p + at[0], {at[1] - at[0]}}, p[at[1]], p[at[2]], p[at[3]]};
}

// Those of cell c.
__device__ Links links_of(Plan plan, int c, Links links) {
    for (int before = 0; before < c; ++before) {
        const long long *cell = plan.cells[before].data;
        if (cell[KIND] != HARMONIC) continue;
        long long most = cell[EXTRA] * most_connections(harmonic_rule(plan, cell));
        links.start.data += cell[EXTRA] + 1;
        links.unit.data += most;
        links.weight.data += most;
    }
    return links;
}

__device__ void find_links(Plan plan, int c, const float *inputs, Links links) {
    const long long *cell = plan.cells[c].data;
    Links own = links_of(plan, c, links);
    const float *hz = inputs + cell[INPUT_AT] + cell[EXTRA];
    connect(hz, cell[EXTRA], cell[UNITS], harmonic_rule(plan, cell), own.start.data, own.unit.data, own.weight.data);
}

__device__ void step_harmonic(Plan plan, int c, const float *drive, float *z, Room room) {
    const long long *cell = plan.cells[c].data, *at = cell + PARAMS, *to = cell + FIELDS;
    const float *p = plan.parameters.data;
    int units = cell[UNITS], partials = cell[EXTRA];
    Links links = links_of(plan, c, room.links);
    const int *start = links.start.data, *unit = links.unit.data;
    const float *weight = links.weight.data;
    DivisiveGains gains = {p[at[5]], p[at[6]], p[at[7]], p[at[8]]};
    float *a = row(z, to[0], units), *support = row(z, to[1], units), *expected = row(z, to[2], partials);
    expect(start, unit, weight, a, expected, partials);
    share(drive, start, unit, weight, p + at[4], gains, expected, a, support, partials, units, false);
}

__device__ void step_solver(Plan plan, const long long *cell, const float *drive, float *z, Room room) {
    const long long *at = cell + PARAMS, *to = cell + FIELDS;
    const float *p = plan.parameters.data;
    int units = cell[UNITS];
    float *x = row(z, to[0], units);
    if (cell[KIND] == PROJECTION) {
        const float *lower = p + at[1], *upper = p + at[2];
        projection_step(
            drive, p + at[0], lower, upper, cell[EXTRA], p[at[3]], p[at[4]], p[at[5]], x, room.row.data, units
        );
    } else {
        int size = units / cell[EXTRA];
        float *S = row(z, to[1], units), *A_before = row(z, to[2], size * size), *b_before = row(z, to[3], units);
        zeroing_step(drive, size, p + at[0], x, S, A_before, b_before, room.sums.data, units);
    }
}

__device__ void step_network(Plan plan, float *z, Room room) {
    __syncthreads();
    copy(room.fixed.data, room.inputs.data, room.inputs.shape[0]);
    add_flows(plan, false, nullptr, z, room.inputs.data);
    for (int c = 0; c < plan.cells.shape[0]; ++c) {
        const long long *cell = plan.cells[c].data;
        const float *received = room.inputs.data + cell[INPUT_AT];
        if (cell[KIND] <= LCADAM) {
            step_lca(plan, cell, received, z, room);
        } else if (cell[KIND] <= WTACONV) {
            step_circuit(plan, cell, received, z, room);
        } else if (cell[KIND] == DIVISIVE) {
            step_divisive(plan, cell, received, z, room);
        } else if (cell[KIND] == HARMONIC) {
            step_harmonic(plan, c, received, z, room);
        } else {
            step_solver(plan, cell, received, z, room);
        }
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
        const long long *cell = plan.cells[c].data;
        const float *received = cell[DRIVEN] ? room.fixed.data : room.inputs.data;
        if (cell[KIND] == HARMONIC) find_links(plan, c, received, room.links);
        begin_cell(plan, cell, received, z, room);
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
            flush(row(z, fields[k - 1], width_of(fields, k)), width_of(fields, k));
        }
    }
}

// most: room for two numbers that all threads share. Those of floats that are not negative are ordered as their bits.
__device__ double largest_change(Plan plan, float *before, float *z, int *most) {
    __syncthreads();
    if (threadIdx.x == 0) {
        most[0] = 0;
        most[1] = __float_as_int(SMALLEST_ACTIVITY);
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
